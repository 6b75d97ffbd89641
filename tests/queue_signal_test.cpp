// Signal handlers that use queues, in a thread that uses them too.

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <brood/queue.hpp>
#include <csignal>
#include <functional>
#include <thread>

#include "channel/inside.hpp"
#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;

std::function<void()>* in_handler = nullptr;

/// While it exists f is called in the thread that made it, in the handler of a signal that comes all the
/// time.
class Interrupted {
 public:
  explicit Interrupted(std::function<void()> f) : f_(std::move(f)) {
    in_handler = &f_;
    struct sigaction action {};
    action.sa_handler = [](int) { (*in_handler)(); };
    sigaction(SIGUSR2, &action, &before_);
    sender_ = std::thread([this, thread = pthread_self()] {
      while (!stop_) {
        pthread_kill(thread, SIGUSR2);
        usleep(100);
      }
    });
  }
  ~Interrupted() {
    stop_ = true;
    sender_.join();
    sigaction(SIGUSR2, &before_, nullptr);
  }
  Interrupted(const Interrupted&) = delete;
  Interrupted& operator=(const Interrupted&) = delete;

 private:
  std::function<void()> f_;
  struct sigaction before_ {};
  std::atomic<bool> stop_{false};
  std::thread sender_;
};

// What comes in the middle of a call is refused; what is not refused is in the queue.
template <class T>
void put_and_take(std::int64_t max_size, int least_refused) {
  const nothing_left::Memory memory;
  brood::Queue<T> queue(max_size);
  long mine = 0, of_handler = 0, refused = 0, taken = 0;
  {
    const Interrupted interrupted([&] {
      try {
        of_handler += queue.try_put(T{});
      } catch (const brood::UsageError&) {
        ++refused;
      }
    });
    while (refused < least_refused) {
      mine += queue.try_put(T{});
      if (queue.try_get()) ++taken;
    }
  }
  while (queue.try_get()) ++taken;
  EXPECT_EQ(taken, mine + of_handler);
  EXPECT_GE(mine, least_refused);
  queue.put(T{});
  EXPECT_TRUE(queue.try_get_for(15s)) << "this thread can use it after all";
  EXPECT_TRUE(queue.empty());
}

TEST(QueueSignal, handler_in_the_middle_of_a_call_is_refused_and_loses_nothing) {
  put_and_take<int>(0, 50);
  put_and_take<int>(100, 50);
  put_and_take<std::string>(0, 50);
}

TEST(QueueSignal, handler_of_a_thread_that_waits_in_a_queue_may_use_it) {
  brood::Queue<int> queue;
  std::atomic<bool> done{false};
  const Interrupted interrupted([&] {
    if (!done) done = queue.try_put(7);
  });
  EXPECT_EQ(queue.get(60s), 7);
}

TEST(QueueSignal, every_call_in_the_middle_of_another_says_what_to_do) {
  brood::Queue<int> queue;
  brood::Queue<std::string> other;
  const std::pair<const char*, std::function<void()>> calls[] = {{"put", [&] { queue.put(1); }},
                                                                 {"try_put", [&] { queue.try_put(1); }},
                                                                 {"get", [&] { queue.get(); }},
                                                                 {"try_get", [&] { queue.try_get(); }},
                                                                 {"qsize", [&] { queue.qsize(); }},
                                                                 {"close", [&] { queue.close(); }},
                                                                 {"other put", [&] { other.put("one"); }},
                                                                 {"other get", [&] { other.get(1s); }}};
  for (const auto& [name, call] : calls) {
    const brood::channel::Inside interrupted;
    try {
      call();
      ADD_FAILURE() << name << " was not refused";
    } catch (const brood::UsageError& e) {
      EXPECT_NE(std::string(e.what()).find("block the signal"), std::string::npos) << e.what();
    }
  }
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.closed());
}

/// Its codec uses queues itself, as codecs may.
struct Counted {
  int number = 0;
};
brood::Queue<int>* counted = nullptr;

}  // namespace

template <>
struct brood::Codec<Counted> {
  static void encode(Writer& to, const Counted& value) {
    counted->put(value.number);
    to.value(value.number);
  }
  static Counted decode(Reader& from) {
    counted->put(-1);
    return {from.value<int>()};
  }
};

namespace {

TEST(QueueSignal, codecs_may_use_queues) {
  brood::Queue<int> numbers;
  counted = &numbers;
  brood::Queue<Counted> queue;
  queue.put({7});
  EXPECT_EQ(queue.get().number, 7);
  int last = 0;
  while (const auto n = numbers.try_get()) last = *n;
  EXPECT_EQ(last, -1);
}

}  // namespace
