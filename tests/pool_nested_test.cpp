// Pool: tasks that submit tasks to their own pool.

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <functional>
#include <numeric>
#include <thread>

#include "nothing_left.hpp"

namespace pool_nested {

brood::Pool& own() { return brood::this_worker::pool(); }

int twice(int i) { return 2 * i; }

long tree(int depth) {
  if (depth == 0) return 1;
  auto left = own().apply_async(tree, depth - 1);
  auto right = own().apply_async(tree, depth - 1);
  return left.get() + right.get();
}

long chain(int depth) { return depth == 0 ? 0 : 1 + own().apply(chain, depth - 1); }

int say_depth(brood::Queue<int> said, int depth) {
  said.put(depth);
  return depth;
}

long say_depth_three_times(brood::Queue<int> said, int depth, const std::function<void()>& then) {
  std::vector<brood::Future<int>> all;
  for (int i = 0; i < 3; ++i) all.push_back(own().apply_async(say_depth, said, depth));
  then();
  long sum = 0;
  for (auto& each : all) sum += each.get();
  return sum;
}

long submit_deeper(brood::Queue<int> said, brood::Queue<int> submitted, brood::Queue<int> go_on) {
  return say_depth_three_times(said, 2, [&] {
    submitted.put(1);
    go_on.get();
  });
}

long submit_shallower_later(brood::Queue<int> said, brood::Queue<int> submitted, brood::Queue<int> go_on) {
  auto deeper = own().apply_async(submit_deeper, said, submitted, go_on);
  submitted.get();
  const long sum = say_depth_three_times(said, 1, [] {});
  go_on.put(1);
  return sum + deeper.get();
}

}  // namespace pool_nested

namespace {

using namespace pool_nested;
using namespace std::chrono_literals;

TEST(PoolNested, runs_a_tree_of_tasks_on_any_number_of_workers) {  // F44
  const nothing_left::Memory memory;
  for (const int workers : {1, 2, 3}) {
    brood::Pool pool(workers);
    EXPECT_EQ(pool.apply_async(tree, 5).get(60s), 32) << workers;
    auto several = pool.map_async(tree, std::vector<int>{1, 2, 3, 4});
    EXPECT_EQ(several.get(60s), (std::vector<long>{2, 4, 8, 16})) << workers;
  }
}

TEST(PoolNested, goes_deep_before_it_goes_broad) {
  for (const int workers : {1, 2}) {
    brood::Pool pool(workers);
    EXPECT_EQ(pool.apply_async(tree, 8).get(90s), 256) << workers;
  }
}

TEST(PoolNested, prefers_the_deepest_task_to_the_newest) {
  brood::Pool pool(2);
  brood::Queue<int> said;
  auto all = pool.apply_async(submit_shallower_later, said, brood::Queue<int>(), brood::Queue<int>());
  EXPECT_EQ(all.get(60s), 9);
  std::vector<int> depths;
  while (const auto depth = said.try_get()) depths.push_back(*depth);
  EXPECT_EQ(depths, (std::vector<int>{2, 2, 2, 1, 1, 1}));
}

TEST(PoolNested, has_its_own_number_of_workers_again_afterwards) {
  brood::Pool pool(2);
  EXPECT_EQ(pool.apply_async(chain, 10).get(60s), 10);
  EXPECT_TRUE(nothing_left::soon([&] { return pool.counts().workers == 2; })) << pool.counts().workers;
  EXPECT_EQ(pool.counts().restarts, 0U);
  EXPECT_EQ(pool.counts().failed, 0U);
}

TEST(PoolNested, goes_no_deeper_than_its_bound_and_says_so) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  EXPECT_EQ(pool.apply_async(chain, 60).get(60s), 60);
  try {
    pool.apply_async(chain, 200).get(60s);
    ADD_FAILURE();
  } catch (const brood::UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("nest less deep"), std::string::npos) << e.what();
  }
  EXPECT_EQ(pool.apply_async(twice, 2).get(60s), 4);
}

TEST(PoolNested, knows_every_form_of_call) {
  brood::Pool pool(2);
  const auto all = pool.apply_async([] {
                         std::vector<int> items(50);
                         std::iota(items.begin(), items.end(), 0);
                         const auto mapped = own().map(twice, items);
                         long sum = std::accumulate(mapped.begin(), mapped.end(), 0L);
                         for (const int n : own().imap_unordered(twice, items)) sum += n;
                         for (auto&& [item, outcome] : own().imap<twice>(items).outcomes()) sum += *outcome;
                         return sum + own().size();
                       })
                       .get(60s);
  EXPECT_EQ(all, 3 * 2450 + 2);
}

TEST(PoolNested, carries_values_of_any_size_and_queues) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> queue;
  for (const std::size_t size : {0, 1, 200, 216, 5000, 1 << 20}) {
    const auto back = pool.apply_async(
                              [](brood::Queue<int> q, std::size_t n) {
                                auto inner = own().apply(
                                    [](brood::Queue<int> qq, std::string s) {
                                      qq.put(static_cast<int>(s.size()));
                                      brood::Queue<int> fresh;
                                      fresh.put(7);
                                      return std::pair(s + "!", fresh);
                                    },
                                    q, std::string(n, 'x'));
                                if (inner.second.get(15s) != 7) throw std::runtime_error("not the queue");
                                return inner.first;
                              },
                              queue, size)
                          .get(60s);
    EXPECT_EQ(back, std::string(size, 'x') + "!");
    EXPECT_EQ(queue.get(15s), static_cast<int>(size));
  }
}

TEST(PoolNested, tells_failures_to_the_task_that_asked) {
  const nothing_left::Memory memory;
  brood::Pool pool(1);
  const auto seen =
      pool.apply_async([] {
            std::string text;
            try {
              own().apply([] { throw std::out_of_range("too far"); });
            } catch (const std::out_of_range& e) {
              text = e.what();
              text += dynamic_cast<const brood::RemoteTrace&>(e).remote_trace().empty() ? "" : " with trace";
            }
            try {
              own().apply([] { raise(SIGKILL); });
            } catch (const brood::WorkerDied& e) {
              text += ", died by " + std::to_string(e.signal());
            }
            return text;
          })
          .get(60s);
  EXPECT_EQ(seen, "too far with trace, died by 9");
  EXPECT_EQ(pool.apply_async(twice, 2).get(60s), 4);
}

TEST(PoolNested, waits_no_longer_than_asked) {
  brood::Pool pool(1);
  brood::Queue<int> queue;
  const auto late = pool.apply_async(
      [](brood::Queue<int> q) {
        auto inner = own().apply_async([](brood::Queue<int> qq) { return qq.get(); }, q);
        const bool early = inner.wait(0s) || inner.wait(20ms) || inner.ready();
        try {
          inner.get(1ms);
        } catch (const brood::TimeoutError&) {
          q.put(3);
          return early ? -1 : inner.get(15s);
        }
        return -2;
      },
      queue);
  auto future = pool.apply_async(twice, 1);
  EXPECT_EQ(const_cast<brood::Future<int>&>(late).get(60s), 3);
  EXPECT_EQ(future.get(60s), 2);
}

TEST(PoolNested, may_be_asked_again_and_again_whether_it_is_done) {
  brood::Pool pool(2);
  EXPECT_EQ(pool.apply_async([] {
                  auto inner = own().apply_async(twice, 4);
                  while (!inner.ready()) std::this_thread::yield();
                  return inner.get();
                })
                .get(60s),
            8);
}

TEST(PoolNested, finishes_what_was_submitted_and_never_waited_for) {
  const nothing_left::Memory memory;
  brood::Queue<int> done;
  {
    brood::Pool pool(2);
    pool.apply(
        [](brood::Queue<int> q) {
          for (int i = 0; i < 20; ++i) own().apply_async([](brood::Queue<int> qq) { qq.put(1); }, q);
        },
        done);
    pool.close();
    EXPECT_TRUE(pool.join(60s));
  }
  EXPECT_EQ(done.qsize(), 20U);
}

TEST(PoolNested, survives_the_death_of_the_task_that_asked) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (int round = 0; round < 5; ++round) {
    brood::Queue<int> named;
    auto bad = pool.apply_async(
        [](brood::Queue<int> q) {
          std::vector<brood::Future<std::string>> inner;
          for (int i = 0; i < 10; ++i) {
            inner.push_back(own().apply_async([](brood::Queue<int>) { return std::string(10'000, 'x'); }, q));
          }
          inner[3].get();
          raise(SIGKILL);
        },
        named);
    EXPECT_THROW(bad.get(60s), brood::WorkerDied);
    EXPECT_EQ(pool.apply_async(tree, 3).get(60s), 8);
  }
}

TEST(PoolNested, calls_back) {
  brood::Pool pool(2);  // the task waits for the callbacks, not for its futures: nobody stands in for that
  const int called = pool.apply_async([] {
                           brood::Queue<int> values;
                           for (int i = 0; i < 5; ++i) {
                             own().apply_async(twice, i).add_done_callback(
                                 [values](brood::Outcome<int> o) mutable { values.put(*o); });
                           }
                           int sum = 0;
                           for (int i = 0; i < 5; ++i) sum += values.get(30s);
                           return sum;
                         })
                         .get(60s);
  EXPECT_EQ(called, 20);
}

TEST(PoolNested, may_be_used_by_several_threads_of_a_task) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  const int right = pool.apply_async([] {
                          std::atomic<int> good{0};
                          std::vector<std::thread> threads;
                          for (int t = 0; t < 4; ++t) {
                            threads.emplace_back([&, t] {
                              for (int i = 0; i < 25; ++i)
                                good += own().apply(twice, t * 100 + i) == 2 * (t * 100 + i);
                            });
                          }
                          for (auto& thread : threads) thread.join();
                          return good.load();
                        })
                        .get(60s);
  EXPECT_EQ(right, 100);
}

TEST(PoolNested, leaves_the_end_to_the_process_that_made_the_pool) {
  EXPECT_THROW(own(), brood::UsageError);
  brood::Pool pool(1);
  const std::vector<void (*)()> refused = {[] { own().close(); }, [] { own().terminate(); },
                                           [] {
                                             own().close();
                                             own().join();
                                           },
                                           [] { own().counts(); }};
  for (const auto what : refused) EXPECT_THROW(pool.apply(what), brood::UsageError);
  EXPECT_EQ(pool.apply(twice, 2), 4);
}

// Processes and pools that a task makes are not workers of its pool, although they are copies of one.
TEST(PoolNested, is_of_the_worker_and_not_of_what_it_starts) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  for (const auto method : {brood::StartMethod::forkserver, brood::StartMethod::fork}) {
    const int code = pool.apply_async(
                             [](brood::StartMethod how) {
                               own().apply(twice, 1);  // it has asked before
                               brood::Process child({.method = how}, [] {
                                 if (brood::this_worker::exists()) _exit(2);
                                 try {
                                   own();
                                 } catch (const brood::UsageError&) {
                                   _exit(1);
                                 }
                                 _exit(3);
                               });
                               child.start();
                               child.join();
                               return child.exitcode().value();
                             },
                             method)
                         .get(60s);
    EXPECT_EQ(code, 1);
  }
  const auto sizes =
      pool.apply_async([] {
            own().apply(twice, 1);
            brood::Pool inner(1);
            return std::pair(inner.apply([] { return own().size() * 10 + own().apply(twice, 2); }),
                             own().size());
          })
          .get(60s);
  EXPECT_EQ(sizes, std::pair(14, 2));
}

TEST(PoolNested, ends_with_a_pool_that_is_terminated) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  brood::Queue<int> begun;
  auto future = pool.apply_async(
      [](brood::Queue<int> q) {
        own().apply(
            [](brood::Queue<int> qq) {
              qq.put(1);
              for (;;) pause();
            },
            q);
      },
      begun);
  begun.get(15s);
  pool.terminate();
  EXPECT_THROW(future.get(30s), brood::PoolTerminated);
  EXPECT_TRUE(pool.join(30s));
}

TEST(PoolNested, works_on_while_workers_of_all_kinds_are_killed) {
  const nothing_left::Memory memory;
  brood::Pool pool(3);
  brood::Queue<int> victims;
  std::atomic<bool> stop{false};
  std::thread killer([&] {
    for (int n = 0; !stop;) {
      if (const auto pid = victims.try_get_for(5ms); pid && ++n % 7 == 0) kill(*pid, SIGKILL);
    }
  });
  const auto outer = [](brood::Queue<int> q, int n) {
    q.put(getpid());
    auto inner = own().apply_async(
        [](brood::Queue<int> qq, int k) {
          qq.put(getpid());
          return k + 1;
        },
        q, n);
    return inner.get() + 1;
  };
  int done = 0;
  int died = 0;
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 300; ++i) futures.push_back(pool.apply_async(outer, victims, i));
  for (int i = 0; i < 300; ++i) {
    try {
      EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(60s), i + 2);
      ++done;
    } catch (const brood::WorkerDied&) {
      ++died;
    }
  }
  stop = true;
  killer.join();
  EXPECT_EQ(done + died, 300);
  std::printf("%d done, %d died\n", done, died);
}

}  // namespace
