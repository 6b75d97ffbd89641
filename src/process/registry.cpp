#include "process/registry.hpp"

#include <algorithm>
#include <brood/detail/deadline.hpp>
#include <chrono>
#include <csignal>

#include "base/immortal.hpp"
#include "platform/surroundings.hpp"
#include "process/child.hpp"
#include "process/server.hpp"

namespace brood::process {

using namespace std::chrono_literals;
using detail::Deadline;

Registry& registry() {
  static Immortal<Registry> it;
  return *it;
}

std::mutex& start_mutex() {
  static Immortal<std::mutex> it;
  return *it;
}

Registry::Room::Room(Registry& registry) : registry_(registry) {
  const std::lock_guard lock(registry_.mutex_);
  auto& children = registry_.children_;
  const auto needed = children.size() + registry_.rooms_ + 1;
  if (children.capacity() < needed) children.reserve(2 * needed);
  ++registry_.rooms_;
}
Registry::Room::~Room() {
  const std::lock_guard lock(registry_.mutex_);
  --registry_.rooms_;
}

void Registry::add(const std::shared_ptr<Child>& child) {
  const std::lock_guard lock(mutex_);
  children_.push_back(child);
}

void Registry::remove(const Child* child) {
  const std::lock_guard lock(mutex_);
  std::erase_if(children_, [&](const auto& c) { return c.get() == child; });
}

std::vector<std::shared_ptr<Child>> Registry::all() {
  const std::lock_guard lock(mutex_);
  return children_;
}

bool Registry::make_room() {
  // A slot is given back when the child has read it, and births in progress end within moments. The time is
  // bounded, so that slots held by running spawned children cause an error, not a hang.
  const auto until = Deadline::in(10s);
  do {
    for (const auto& child : all()) child->harvest();
    for (auto& request : server_link().control()->requests) {
      if (request.posted.load() == 0) return true;
    }
    Word never{0};
    platform::park(never, 0, Deadline::in(1ms));
  } while (!until.passed());
  return false;
}

void Registry::settle() {
  for (const auto& child : all()) {
    try {
      child->await_birth();
    } catch (const Error&) {  // its own handle reports this
    }
  }
}

void Registry::end_all() {
  const auto quietly = [](auto f) {
    try {
      f();
    } catch (const Error&) {  // nobody is left to report this to
    }
  };
  const auto children = all();
  if (children.empty()) return;  // most processes have no children and need not even read the clock
  for (const auto& child : children) {
    if (child->daemon()) quietly([&] { child->signal(SIGTERM); });
  }
  const auto grace = Deadline::in(1s);
  for (const auto& child : children) {
    if (!child->daemon()) continue;
    quietly([&] {
      if (!child->join(grace)) child->signal(SIGKILL);
      child->join(Deadline::never());
    });
  }
  const auto patience = Deadline::in(5s);
  std::string late;
  for (const auto& child : children) {
    if (child->daemon()) continue;
    quietly([&] {
      if (!child->join(patience))
        late +=
            (late.empty() ? "" : ", ") + child->name() + " (pid " + std::to_string(child->raw_pid()) + ")";
    });
  }
  if (!late.empty()) {
    platform::say("brood: the program has ended and waits for " + late +
                  "; processes that need not end first should be daemons\n");
  }
  for (const auto& child : children) {
    if (!child->daemon()) quietly([&] { child->join(Deadline::never()); });
  }
}

void Registry::become_new_process() {
  new (&mutex_) std::mutex;
  new (&start_mutex()) std::mutex;
  // The parent's children are not this process's. The memory of their handles may be in use, so leave it
  // untouched.
  new (&children_) std::vector<std::shared_ptr<Child>>;
  rooms_ = 0;
}

}  // namespace brood::process
