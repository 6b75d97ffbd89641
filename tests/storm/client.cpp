#include "client.hpp"

#include <ranges>
#include <thread>

#include "books.hpp"

namespace storm {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {
constexpr auto patience = 100s;

std::vector<Spec> specs_of(const Burst& burst) {
  std::vector<Spec> specs;
  for (const auto& item : burst.items) specs.push_back(item.spec);
  return specs;
}
}  // namespace

void Client::run() {
  for (const auto& burst : plan_.bursts) run_burst(burst);
  settle();
}

void Client::run_burst(const Burst& burst) {
  try {
    switch (burst.way) {
      case Way::map:
        return map(burst);
      case Way::imap:
        return iterate(pool_.imap(perform, specs_of(burst), Bytes()));
      case Way::imap_unordered:
        return iterate(pool_.imap_unordered(perform, specs_of(burst), Bytes()));
      case Way::wait_any:
        return wait_any(burst);
      default:
        for (const auto& item : burst.items) submit_one(item);
    }
  } catch (const brood::Error& e) {  // the pool took no more, in the middle of a map
    judge_refusal(e);
  }
}

void Client::submit_one(const Item& item) {
  auto one = submit(pool_, item.spec, &values_);
  if (!one) return;
  ++accepted_;
  switch (item.then) {
    case Then::drop:
      ++books().dropped;
      dropped_.push_back(item.spec);
      return;
    case Then::callback:
      ++to_be_called_;
      one->judge_later([called = called_] { ++*called; });
      return;
    case Then::cancel:
    case Then::kill:
      if (!one->wait(std::chrono::microseconds(item.patience))) one->cancel(item.then == Then::kill);
      break;
    case Then::wait:
    case Then::glance:
      if (item.then == Then::wait ? one->wait(std::chrono::microseconds(item.patience)) : one->ready())
        return one->judge();
      break;
    default:
      break;
  }
  pending_.push_back(std::move(*one));
  while (pending_.size() > plan_.window) take_oldest();
}

void Client::take_oldest() {
  auto one = std::move(pending_.front());
  pending_.pop_front();
  waits_for_ = one.spec().id;
  if (one.wait(patience)) return one.judge();
  complain(Trouble::lost, "the future of task " + one.label() + " does not resolve; it began " +
                              std::to_string(times_begun(one.spec().id)) + " times");
}

void Client::settle() {
  while (!pending_.empty()) take_oldest();
  const auto until = Clock::now() + patience;
  while (*called_ < to_be_called_ && Clock::now() < until) std::this_thread::sleep_for(1ms);
  if (*called_ != to_be_called_)
    complain(Trouble::lost, std::to_string(to_be_called_ - *called_) + " callbacks that are not called",
             to_be_called_ - *called_);
}

void Client::map(const Burst& burst) {
  auto all = pool_.map_async({.chunksize = 1}, perform, specs_of(burst), Bytes());
  books().tasks += burst.items.size();
  accepted_ += burst.items.size();
  for (std::size_t i = 0; i < burst.items.size(); ++i) {
    auto& future = all.futures()[i];
    waits_for_ = burst.items[i].spec.id;
    if (future.wait(patience))
      judge(burst.items[i].spec, future.outcome());
    else
      complain(Trouble::lost,
               "the future of item " + std::to_string(burst.items[i].spec.id) + " does not resolve");
  }
}

template <class Lazy>
void Client::iterate(Lazy lazy) {
  for (auto&& [spec, outcome] : lazy.outcomes()) {
    ++books().tasks;  // of ours; the pool counts chunks
    judge(spec, std::move(outcome));
  }
}

void Client::wait_any(const Burst& burst) {
  std::vector<brood::Future<Answer>> futures;
  std::vector<Spec> specs;
  try {
    for (const auto& item : burst.items) {
      futures.push_back(pool_.apply_async(perform, item.spec, Bytes()));
      specs.push_back(item.spec);
      ++books().tasks;
      ++accepted_;
    }
  } catch (const brood::Error& e) {
    judge_refusal(e);
  }
  while (!futures.empty()) {
    const auto i = pool_.wait_any(futures);
    judge(specs[i], futures[i].outcome());
    futures.erase(futures.begin() + static_cast<std::ptrdiff_t>(i));
    specs.erase(specs.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

}  // namespace storm
