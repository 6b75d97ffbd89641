#include "process/warden.hpp"

#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/scope.hpp"
#include "platform/poller.hpp"
#include "process/child.hpp"
#include "process/session.hpp"

namespace brood::process {
namespace {

class Warden {
 public:
  Warden() {
    const platform::SignalsBlocked quiet;  // the thread inherits this: signals are for the program's threads
    std::thread([this] { work(); }).detach();
    ++session().own_threads;
  }

  void add(const std::shared_ptr<Child>& child) {
    {
      const std::lock_guard lock(mutex_);
      fresh_.push_back(child);
    }
    poller_.wake();
  }

 private:
  void take_fresh() {
    std::vector<std::shared_ptr<Child>> fresh;
    {
      const std::lock_guard lock(mutex_);
      fresh.swap(fresh_);
    }
    for (auto& child : fresh) {
      try {
        child->await_birth();
        if (child->poll()) continue;
        const std::uint64_t key = next_++;
        const auto it = watched_.emplace(key, Watched{child, child->sentinel()}).first;
        OnExit unwatched([&] { watched_.erase(it); });
        poller_.add(it->second.sentinel, key);
        unwatched.dismiss();
      } catch (const std::exception&) {
        // Not born, or no descriptor or memory left: the thread that joins the child does the rest.
      }
    }
  }

  void work() {
    for (;;) {
      for (const auto key : poller_.wait(-1)) {
        const auto it = watched_.find(key);
        if (it == watched_.end()) continue;
        poller_.remove(it->second.sentinel);
        // A child that failed before its function began reports this to the thread that joins it; do not
        // throw here.
        it->second.child->poll();
        watched_.erase(it);
      }
      take_fresh();
    }
  }

  struct Watched {
    std::shared_ptr<Child> child;
    int sentinel;  // kept: sentinel() later would throw if the child could not begin
  };

  platform::Poller poller_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Child>> fresh_;
  std::map<std::uint64_t, Watched> watched_;  // used only by the thread
  std::uint64_t next_ = 0;
};

std::mutex making;
Warden* warden = nullptr;  // never destroyed: its thread runs until the process ends

}  // namespace

void watch(const std::shared_ptr<Child>& child) noexcept {
  try {
    const std::lock_guard lock(making);
    if (warden == nullptr) warden = new Warden;
    warden->add(child);
  } catch (const std::exception&) {  // no memory: the thread that joins the child does the rest
  }
}

void forget_warden() {
  new (&making) std::mutex;
  warden = nullptr;
}

}  // namespace brood::process
