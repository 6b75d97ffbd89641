#include "actors.hpp"

#include <algorithm>
#include <brood/errors.hpp>

#include "books.hpp"

namespace storm {

using namespace std::chrono_literals;

Actors::Actors(const QueuePlan& plan, std::atomic<std::uint32_t>& values)
    : plan_(plan), values_(values), queue_(plan.max_size) {
  for (std::uint32_t i = 0; i < plan.writers + plan.readers; ++i)
    actors_.push_back({i < plan.writers, false, brood::Process([] {})});
  director_ = std::thread([this] { direct(); });
}

Actors::~Actors() {
  stop_ = true;
  if (director_.joinable()) director_.join();
}

void Actors::begin(Actor& actor) {
  const brood::ProcessOptions options{.name = "storm-a", .daemon = true};
  if (actor.writes) {
    if (spent_ + plan_.values_each > plan_.budget || values_ + plan_.values_each > Books::most_values) return;
    spent_ += plan_.values_each;
    const auto first = values_.fetch_add(plan_.values_each);
    if (first + plan_.values_each > Books::most_values) return;
    actor.process = brood::Process(options, put_values, queue_, first, plan_.values_each, plan_.seed);
  } else {
    actor.process = brood::Process(options, take_values, queue_);
  }
  actor.process.start();
  actor.begun = true;
}

void Actors::direct() {
  while (!stop_) {
    for (auto& actor : actors_) {
      try {
        if (!actor.begun || actor.process.join(0ms)) begin(actor);
      } catch (const brood::Error& e) {
        actor.begun = false;
        if (!books().is(no_descriptors) && !books().is(no_memory))
          complain(Trouble::wrong, std::string("a process could not be made: ") + e.what());
      }
    }
    std::this_thread::sleep_for(5ms);
  }
}

bool Actors::end_all(bool writers) {
  for (auto& actor : actors_) {
    if (actor.writes != writers || !actor.begun) continue;
    try {
      if (!actor.process.join(90s)) {
        complain(Trouble::hung, std::string("a ") + (writers ? "writer" : "reader") + " does not end, pid " +
                                    std::to_string(actor.process.pid().value_or(0)));
        return false;
      }
    } catch (const brood::Error&) {  // never born
    }
  }
  return true;
}

bool Actors::end() {
  stop_ = true;
  director_.join();
  books().writers_stop = 1;
  if (!end_all(true)) return false;
  queue_.close();
  if (!end_all(false)) return false;
  Taker taker;
  while (taker.take(queue_, 0us) == Taker::Got::value) {
  }
  if (!queue_.empty())
    complain(Trouble::lost, std::to_string(queue_.qsize()) + " values that nobody can get");
  return true;
}

void check_values(std::uint32_t values) {
  auto& b = books();
  std::uint64_t missing = 0, died = 0;
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < std::min(values, Books::most_values); ++i) {
    if ((b.value[i] & 2) == 0 || b.taken[i] != 0) continue;
    if (missing++ == 0) first = i;
  }
  for (std::uint32_t i = 0; i < std::min(b.readers.load(), Books::most_readers); ++i) died += b.reading[i];
  b.died_with_reader += std::min(missing, died);
  if (missing > died)
    complain(Trouble::lost,
             std::to_string(missing) + " values vanished (the first is " + std::to_string(first) +
                 "), but only " + std::to_string(died) + " readers died with one in their hands",
             missing - died);
}

}  // namespace storm
