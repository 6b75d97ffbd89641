// Programs with pools, for pool_end_test.cpp.

#include <thread>

#include "program_support.hpp"

namespace {

std::optional<brood::Pool> global;

int twice(int i) { return 2 * i; }
int square(int i) { return i * i; }

void run_global() {
  global.emplace(2);
  say("%d\n", global->apply(twice, 42));
  global->apply_async([] { say("worked\n"); });
}

void run_unseen() {
  {
    brood::Pool pool(1);
    pool.apply_async([] { throw std::runtime_error("unseen failure"); });
    auto kept = pool.apply_async([] { throw std::runtime_error("seen failure that was looked at"); });
    try {
      kept.get();
    } catch (const std::runtime_error&) {
    }
  }
  say("ended\n");
}

void run_inline() {
  brood::Pool pool(3);
  if (pool.apply([] { return getpid(); }) == getpid()) say("here\n");
  say("%d\n", pool.apply_async(twice, 3).get());
  const std::vector<int> items = {1, 2, 3};
  const auto squares = pool.map(square, items);
  say("%d %d %d\n", squares[0], squares[1], squares[2]);
  std::string text;
  for (const int n : pool.imap_unordered(square, items)) text += std::to_string(n) + " ";
  text.pop_back();
  say("%s\n", text.c_str());
  try {
    pool.apply([] { throw std::runtime_error("asked for"); });
  } catch (const std::runtime_error& e) {
    say("%s\n", e.what());
  }
  pool.apply_async(twice, 1).add_done_callback([](brood::Outcome<int> o) { say("callback %d\n", *o); });
  for (const auto& options : {brood::CallOptions{}, brood::CallOptions{.chunksize = 2}}) {
    pool.map_async(options, square, items).add_done_callback([](auto all) {
      say("all: %d\n", all->get()[2]);
    });
  }
  say("nested %d in %d\n", pool.apply([] { return brood::this_worker::pool().apply(twice, 5); }),
      pool.apply([] { return brood::this_worker::index(); }));
  pool.close();
  try {
    pool.apply(twice, 1);
  } catch (const brood::UsageError&) {
    say("closed: UsageError\n");
  }
  try {
    brood::Pool(0);
  } catch (const brood::UsageError&) {
    say("no worker: UsageError\n");
  }
  pool.join();
  say("joined\n");
}

// With workers, or in the caller: it must read alike.
void run_broken() {
  brood::Pool pool(
      2, [](const std::string& text) { throw std::runtime_error(text); }, "no model");
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 2; ++i) {
    try {
      futures.push_back(pool.apply_async(twice, i));
      futures.back().get();
    } catch (const brood::PoolBroken& e) {
      say("%s\n", e.what());
    }
  }
  pool.close();
  pool.join();
  say("joined\n");
}

// Counts that two threads add to at once lose some.
void run_threads(int each) {
  brood::Pool pool(1);
  const auto submit = [&] {
    for (int i = 0; i < each; ++i) pool.apply_async([](int n) { return n; }, i).get();
    for (int i = 0; i < each; ++i) {
      auto failed = pool.apply_async([] { throw 1; });
      static_cast<void>(failed.exception());
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(submit);
  for (auto& thread : threads) thread.join();
  const auto counts = pool.counts();
  say("done %d failed %d\n", static_cast<int>(counts.done), static_cast<int>(counts.failed));
}

void run_busy() {
  brood::Pool pool(1);
  pool.apply([] {
    say("%d\n", getpid());
    for (;;) {
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "global") run_global();
  if (what == "unseen") run_unseen();
  if (what == "inline") run_inline();
  if (what == "broken") run_broken();
  if (what == "threads") run_threads(std::atoi(argv[2]));
  if (what == "busy") run_busy();
  return 0;
}
