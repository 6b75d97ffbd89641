// Queue: processes killed or stopped inside put and get. Nobody else notices.

#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <set>

#include "child_support.hpp"
#include "nothing_left.hpp"

namespace queue_kill {

/// Its codec waits inside put or get for as long as one likes: there the process is killed.
struct Slow {
  int value = 0;
  std::string stop_in;           // "put" or "get"; else nowhere
  std::string begun, may_go_on;  // gates
  std::string padding = {};
};

}  // namespace queue_kill

template <>
struct brood::Codec<queue_kill::Slow> {
  static void stop(const queue_kill::Slow& slow) {
    child_support::Gate::open(slow.begun);
    child_support::Gate::pass(slow.may_go_on);
  }
  static void encode(Writer& to, const queue_kill::Slow& slow) {
    if (slow.stop_in == "put" && to.fits()) stop(slow);
    to.value(slow.value);
    to.value(slow.stop_in);
    to.value(slow.begun);
    to.value(slow.may_go_on);
    to.value(slow.padding);
  }
  static queue_kill::Slow decode(Reader& from) {
    queue_kill::Slow slow;
    slow.value = from.value<int>();
    slow.stop_in = from.value<std::string>();
    slow.begun = from.value<std::string>();
    slow.may_go_on = from.value<std::string>();
    slow.padding = from.value<std::string>();
    if (slow.stop_in == "get") stop(slow);
    return slow;
  }
};

namespace {

using namespace std::chrono_literals;
using child_support::Gate;
using queue_kill::Slow;

class QueueKill : public child_support::EachMethod {};
BROOD_EACH_METHOD(QueueKill);

// The founding document's own example.
TEST_P(QueueKill, of_a_reader_that_waits_harms_nobody) {
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  brood::Queue<int> told;
  const auto read = [](brood::Queue<int> q, brood::Queue<int> to) {
    to.put(0);
    to.put(q.get());
  };
  for (int round = 0; round < 5; ++round) {
    brood::Process reader(options(), read, queue, told);
    reader.start();
    told.get(15s);
    EXPECT_TRUE(nothing_left::asleep(reader.pid().value()));
    reader.kill();
    EXPECT_TRUE(reader.join(15s));
    EXPECT_EQ(reader.exitcode(), -SIGKILL);
    queue.put(round, 15s);
    EXPECT_EQ(queue.get(15s), round);
  }
  brood::Process next(options(), read, queue, told);
  next.start();
  told.get(15s);
  queue.put(9);
  EXPECT_EQ(told.get(15s), 9);
  EXPECT_TRUE(next.join(15s));
}

TEST_P(QueueKill, of_a_writer_that_waits_harms_nobody) {
  const nothing_left::Memory memory;
  brood::Queue<std::string> queue(1);
  queue.put("full");
  brood::Queue<int> told;
  for (int round = 0; round < 5; ++round) {
    brood::Process writer(
        options(),
        [](brood::Queue<std::string> q, brood::Queue<int> to) {
          to.put(0);
          q.put(std::string(100'000, 'x'));
        },
        queue, told);
    writer.start();
    told.get(15s);
    EXPECT_TRUE(nothing_left::asleep(writer.pid().value()));
    writer.kill();
    EXPECT_TRUE(writer.join(15s));
    EXPECT_EQ(queue.get(15s), "full");
    EXPECT_EQ(queue.qsize(), 0U);
    queue.put("full", 15s);
    EXPECT_FALSE(queue.try_put("more"));
  }
}

// Many wait, some are killed, as many values come as still wait: each of them gets one.
TEST(QueueKill, of_some_readers_wakes_the_others) {
  const nothing_left::Memory memory;
  brood::Queue<int> queue;
  brood::Queue<int> told;
  std::vector<brood::Process> readers;
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back(
        [](brood::Queue<int> q, brood::Queue<int> to) {
          to.put(-1);
          to.put(q.get());
        },
        queue, told);
    readers.back().start();
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(told.get(15s), -1);
  for (auto& reader : readers) EXPECT_TRUE(nothing_left::asleep(reader.pid().value()));
  for (int i = 0; i < 8; i += 2) readers[static_cast<std::size_t>(i)].kill();
  for (int i = 0; i < 4; ++i) queue.put(i);
  std::set<int> got;
  for (int i = 0; i < 4; ++i) got.insert(told.get(15s));
  EXPECT_EQ(got, (std::set<int>{0, 1, 2, 3}));
  for (auto& reader : readers) EXPECT_TRUE(reader.join(15s));
  EXPECT_TRUE(queue.empty());
}

TEST(QueueKill, of_a_reader_with_a_value_in_its_hands_gives_it_to_another) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate never;
  brood::Queue<Slow> queue(3);
  brood::Process reader([](brood::Queue<Slow> q) { q.get(); }, queue);
  reader.start();
  queue.put({1, "get", begun.path(), never.path()});
  ASSERT_TRUE(begun.pass());
  queue.put({2, "", "", ""});
  reader.kill();
  EXPECT_TRUE(reader.join(15s));
  EXPECT_EQ(queue.qsize(), 2U);
  never.open();  // the next one goes through
  EXPECT_EQ(queue.get(15s).value, 2);
  EXPECT_EQ(queue.get(15s).value, 1);
  EXPECT_TRUE(queue.empty());
}

TEST(QueueKill, of_a_reader_is_repaired_also_when_its_parent_does_nothing) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate never;
  const Gate end;
  brood::Queue<Slow> queue;
  brood::Queue<int> pids;
  brood::Process parent(
      [](brood::Queue<Slow> q, brood::Queue<int> to, std::string until) {
        brood::Process reader([](brood::Queue<Slow> inner) { inner.get(); }, q);
        reader.start();
        to.put(reader.pid().value());
        Gate::pass(until);
      },
      queue, pids, end.path());
  parent.start();
  queue.put({5, "get", begun.path(), never.path()});
  ASSERT_TRUE(begun.pass());
  kill(pids.get(15s), SIGKILL);
  never.open();  // the dying one may still take this
  never.open();
  EXPECT_EQ(queue.get(15s).value, 5);
  end.open();
  EXPECT_TRUE(parent.join(15s));
}

TEST(QueueKill, of_a_writer_in_the_middle_of_a_value_puts_nothing) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate never;
  brood::Queue<Slow> queue(1);
  for (const std::size_t size : {1, 100'000}) {
    brood::Process writer(
        [](brood::Queue<Slow> q, std::string b, std::string n, std::size_t padding) {
          q.put({1, "put", b, n, std::string(padding, 'x')});
        },
        queue, begun.path(), never.path(), size);
    writer.start();
    ASSERT_TRUE(begun.pass());
    EXPECT_EQ(queue.qsize(), 0U);
    writer.kill();
    EXPECT_TRUE(writer.join(15s));
    EXPECT_EQ(queue.qsize(), 0U);
    EXPECT_TRUE(queue.try_put({2, "", "", ""}));
    EXPECT_EQ(queue.get(15s).value, 2);
  }
}

TEST(QueueKill, a_stopped_writer_hides_no_value_of_others) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate go_on;
  brood::Queue<Slow> queue;
  brood::Process writer(
      [](brood::Queue<Slow> q, std::string b, std::string g) {
        q.put({1, "put", b, g});
      },
      queue, begun.path(), go_on.path());
  writer.start();
  ASSERT_TRUE(begun.pass());
  for (int i = 10; i < 20; ++i) queue.put({i, "", "", ""});
  for (int i = 10; i < 20; ++i) EXPECT_EQ(queue.get(15s).value, i);
  go_on.open();
  go_on.open();  // a value may be written twice
  EXPECT_EQ(queue.get(15s).value, 1);
  EXPECT_TRUE(writer.join(15s));
}

TEST(QueueKill, a_stopped_reader_holds_up_nobody) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate go_on;
  brood::Queue<Slow> queue(2);
  brood::Process reader([](brood::Queue<Slow> q) { q.get(); }, queue);
  reader.start();
  queue.put({1, "get", begun.path(), go_on.path()});
  ASSERT_TRUE(begun.pass());
  for (int i = 0; i < 10'000; ++i) {
    queue.put({i, "", "", ""}, 15s);
    ASSERT_EQ(queue.get(15s).value, i);
  }
  EXPECT_EQ(queue.qsize(), 0U);
  go_on.open();
  EXPECT_TRUE(reader.join(15s));
}

// What was in the dead reader's hands is taken first; then the queue is closed in every form of get.
TEST(QueueKill, of_a_reader_of_a_closed_queue_leaves_it_closed) {
  const nothing_left::Memory memory;
  const Gate begun;
  const Gate never;
  brood::Queue<Slow> queue;
  brood::Process reader([](brood::Queue<Slow> q) { q.get(); }, queue);
  reader.start();
  queue.put({1, "get", begun.path(), never.path()});
  ASSERT_TRUE(begun.pass());
  queue.close();
  reader.kill();
  EXPECT_TRUE(reader.join(15s));
  never.open();
  EXPECT_EQ(queue.get(15s).value, 1);
  EXPECT_THROW(queue.get_nowait(), brood::Closed);
  EXPECT_THROW(queue.get(0s), brood::Closed);
  EXPECT_EQ(queue.try_get(), std::nullopt);
  brood::Process next(
      [](brood::Queue<Slow> q) {
        try {
          q.get(1s);
        } catch (const brood::Closed&) {
          _exit(5);
        }
      },
      queue);
  next.start();
  EXPECT_TRUE(next.join(15s)) << "get(1s) does not return";
  next.kill();
  next.join();
  EXPECT_EQ(next.exitcode(), 5);
  EXPECT_THROW(queue.put({2, "", "", ""}), brood::Closed);
}

TEST(QueueKill, of_the_last_holder_frees_the_queue) {
  const nothing_left::Memory memory;
  brood::Queue<int> told;
  brood::Process holder(
      [](brood::Queue<int> to) {
        brood::Queue<std::string> own;
        brood::Queue<brood::Queue<std::string>> outer;
        for (int i = 0; i < 50; ++i) own.put(std::string(100'000, 'x'));
        outer.put(own);
        to.put(1);
        for (;;) pause();
      },
      told);
  holder.start();
  told.get(15s);
  holder.kill();
  EXPECT_TRUE(holder.join(15s));
}

}  // namespace
