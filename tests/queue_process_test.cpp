// Queue between processes.

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>

#include "child_support.hpp"
#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;

class QueueProcess : public child_support::EachMethod {};
BROOD_EACH_METHOD(QueueProcess);

TEST_P(QueueProcess, brings_values_both_ways) {  // Q05 S06
  const nothing_left::Memory memory;
  brood::Queue<int> there;
  brood::Queue<std::string> back;
  for (int i = 0; i < 10; ++i) there.put(i);
  brood::Process child(
      options(),
      [](brood::Queue<int> from, brood::Queue<std::string> to) {
        for (int i = 0; i < 10; ++i) to.put(std::to_string(from.get(10s)));
        for (int i = 10; i < 20; ++i) from.put(i);
      },
      there, back);
  child.start();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(back.get(15s), std::to_string(i));
  for (int i = 10; i < 20; ++i) EXPECT_EQ(there.get(15s), i);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(QueueProcess, is_passed_on_to_a_grandchild) {  // S07
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  brood::Process child(
      options(),
      [](brood::Queue<int> q) {
        brood::Process grandchild(
            [](brood::Queue<int> inner) {
              inner.put(1);
              inner.put(inner.get(10s) + 1);
            },
            q);
        grandchild.start();
        grandchild.join();
        if (grandchild.exitcode() != 0) throw std::runtime_error("grandchild");
      },
      queue);
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(queue.get(10s), 2);
}

TEST_P(QueueProcess, keeps_what_was_put_when_the_writer_ends_at_once) {
  const nothing_left::Memory memory;
  brood::Queue<std::vector<int>> queue;
  for (const int size : {1, 100'000}) {
    brood::Process child(
        options(),
        [](brood::Queue<std::vector<int>> q, int n) {
          q.put(std::vector<int>(static_cast<std::size_t>(n), 9));
          _exit(7);
        },
        queue, size);
    child.start();
    child.join();
    EXPECT_EQ(child.exitcode(), 7);
    EXPECT_EQ(queue.get_nowait(), std::vector<int>(static_cast<std::size_t>(size), 9));
  }
}

TEST_P(QueueProcess, is_closed_for_everybody) {  // Q14
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  queue.put(1);
  EXPECT_EQ(child_support::exit_code_of(
                options(), [](brood::Queue<int> q) { q.close(); }, queue),
            0);
  EXPECT_TRUE(queue.closed());
  EXPECT_THROW(queue.put(2), brood::Closed);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_THROW(queue.get(), brood::Closed);
}

TEST(QueueProcess, is_empty_across_processes_when_it_is) {  // Q15
  brood::Queue<int> queue;
  brood::Queue<bool> told;
  const auto tell = [](brood::Queue<int> q, brood::Queue<bool> to) { to.put(q.empty()); };
  EXPECT_EQ(child_support::exit_code_of({}, tell, queue, told), 0);
  EXPECT_TRUE(told.get(10s));
  queue.put(1);
  EXPECT_EQ(child_support::exit_code_of({}, tell, queue, told), 0);
  EXPECT_FALSE(told.get(10s));
}

// A writer never waits for its reader once put has returned.
TEST(QueueProcess, lets_a_writer_of_100_mib_be_joined_before_it_is_drained) {
  const nothing_left::Memory memory;
  brood::Queue<std::string> queue;
  EXPECT_EQ(child_support::exit_code_of(
                {},
                [](brood::Queue<std::string> q) {
                  for (int i = 0; i < 100; ++i) q.put(std::string(1 << 20, static_cast<char>('A' + i % 26)));
                },
                queue),
            0);
  EXPECT_EQ(queue.qsize(), 100U);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(queue.get_nowait() == std::string(1 << 20, static_cast<char>('A' + i % 26)));
  }
}

TEST(QueueProcess, keeps_the_order_of_each_writer) {
  const nothing_left::Memory memory;
  constexpr int writers = 4;
  constexpr int each = 5000;
  brood::Queue<std::pair<int, int>> queue(100);
  std::vector<brood::Process> all;
  for (int w = 0; w < writers; ++w) {
    all.emplace_back(
        [](brood::Queue<std::pair<int, int>> q, int me, int count) {
          for (int i = 0; i < count; ++i) q.put({me, i});
        },
        queue, w, each);
    all.back().start();
  }
  std::vector<int> next(writers, 0);
  for (int i = 0; i < writers * each; ++i) {
    const auto [writer, number] = queue.get(15s);
    ASSERT_EQ(number, next.at(static_cast<std::size_t>(writer))++);
    EXPECT_LE(queue.qsize(), 100U);
  }
  for (auto& process : all) process.join();
  EXPECT_TRUE(queue.empty());
}

TEST(QueueProcess, gives_each_value_to_one_reader) {
  const nothing_left::Memory memory;
  constexpr int readers = 4;
  constexpr int values = 20'000;
  brood::Queue<int> queue(50);
  brood::Queue<std::vector<int>> seen;
  std::vector<brood::Process> all;
  for (int r = 0; r < readers; ++r) {
    all.emplace_back(
        [](brood::Queue<int> q, brood::Queue<std::vector<int>> to) {
          std::vector<int> mine;
          try {
            for (;;) mine.push_back(q.get());
          } catch (const brood::Closed&) {
          }
          to.put(mine);
        },
        queue, seen);
    all.back().start();
  }
  for (int i = 0; i < values; ++i) queue.put(i, 15s);
  queue.close();
  std::vector<int> counts(values, 0);
  for (int r = 0; r < readers; ++r) {
    const auto mine = seen.get(15s);
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    for (const int i : mine) ++counts.at(static_cast<std::size_t>(i));
  }
  EXPECT_EQ(std::count(counts.begin(), counts.end(), 1), values);
  for (auto& process : all) process.join();
}

TEST(QueueProcess, closing_wakes_all_who_wait_in_other_processes) {
  const nothing_left::Memory memory;
  brood::Queue<int> empty;
  brood::Queue<int> full(1);
  full.put(1);
  brood::Queue<std::string> told;
  std::vector<brood::Process> all;
  for (int i = 0; i < 3; ++i) {
    all.emplace_back(
        [](brood::Queue<int> q, brood::Queue<std::string> to) {
          to.put("begun");
          try {
            q.get();
          } catch (const brood::Closed&) {
            to.put("closed");
          }
        },
        empty, told);
    all.emplace_back(
        [](brood::Queue<int> q, brood::Queue<std::string> to) {
          to.put("begun");
          try {
            q.put(2);
          } catch (const brood::Closed&) {
            to.put("closed");
          }
        },
        full, told);
  }
  for (auto& process : all) process.start();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(told.get(15s), "begun");
  for (auto& process : all) EXPECT_TRUE(nothing_left::asleep(process.pid().value()));
  empty.close();
  full.close();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(told.get(15s), "closed");
  for (auto& process : all) EXPECT_TRUE(process.join(15s));
  EXPECT_EQ(full.get_nowait(), 1);
}

TEST(QueueProcess, travels_to_a_running_worker) {
  const nothing_left::Memory memory;
  brood::Pool pool(2);
  EXPECT_EQ(pool.apply([](int i) { return i; }, 1), 1);
  brood::Queue<int> queue;  // younger than the workers
  for (int i = 0; i < 20; ++i) {
    pool.apply([](brood::Queue<int> q, int v) { q.put(v); }, queue, i);
    EXPECT_EQ(queue.get(15s), i);
  }
  auto made = pool.apply([] {
    brood::Queue<std::string> q;
    q.put("from the worker");
    return q;
  });
  EXPECT_EQ(made.get(15s), "from the worker");
}

TEST(QueueProcess, answers_on_a_queue_that_came_in_the_question) {
  const nothing_left::Memory memory;
  using Question = std::pair<int, brood::Queue<int>>;
  brood::Queue<Question> questions;
  brood::Process server(
      [](brood::Queue<Question> from) {
        try {
          for (;;) {
            auto [number, answer] = from.get();
            answer.put(number * number);
          }
        } catch (const brood::Closed&) {
        }
      },
      questions);
  server.start();
  for (int i = 0; i < 500; ++i) {
    brood::Queue<int> answer(1);
    questions.put({i, answer});
    ASSERT_EQ(answer.get(15s), i * i);
  }
  questions.close();
  EXPECT_TRUE(server.join(15s));
  EXPECT_EQ(server.exitcode(), 0);
}

}  // namespace
