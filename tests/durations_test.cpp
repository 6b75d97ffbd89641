// Every duration that a user may give, at the ends of what its type holds: too long means never, zero and
// less have passed already, and nothing else changes.

#include <signal.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/promise.hpp>
#include <brood/queue.hpp>
#include <brood/wait.hpp>
#include <functional>
#include <limits>
#include <thread>

namespace durations {

using namespace std::chrono_literals;

void for_ever() {
  for (;;) pause();
}
/// Longer than its caller needs to fall asleep.
int after_a_moment() {
  usleep(30'000);
  return 7;
}
void put_after_a_moment(brood::Queue<int> queue) { queue.put(after_a_moment()); }
void get_after_a_moment(brood::Queue<int> queue) {
  usleep(30'000);
  queue.get();
}
void dies() { raise(SIGKILL); }
bool is_asked_to_stop_within(std::chrono::nanoseconds time) {
  return brood::this_worker::stop_token().wait_for(time);
}
bool waits_to_stop(std::chrono::nanoseconds time, brood::Queue<int> began) {
  began.put(1);
  return is_asked_to_stop_within(time);
}

}  // namespace durations

namespace {

using namespace durations;
using Time = std::chrono::nanoseconds;

constexpr Time patience = 30s;

class Length : public testing::TestWithParam<Time> {};
std::string length_name(const testing::TestParamInfo<Time>& info) {
  const auto n = info.param.count();
  if (n == Time::max().count()) return "max";
  if (n == Time::min().count()) return "min";
  if (n == 0) return "zero";
  return n < 0 ? "negative" : "centuries";
}

class TooLong : public Length {};
INSTANTIATE_TEST_SUITE_P(each, TooLong,
                         testing::Values(Time::max(), Time::max() - 1ns, Time(24h * 365 * 292)),
                         [](const auto& info) {
                           return length_name(info) + (info.param == Time::max() - 1ns ? "_but_one" : "");
                         });
class Passed : public Length {};
INSTANTIATE_TEST_SUITE_P(each, Passed, testing::Values(0ns, -1ns, Time::min()), length_name);

TEST_P(TooLong, options_of_a_pool_are_never) {
  {
    brood::Pool pool({.processes = 2, .max_worker_age = GetParam()});
    auto endless = pool.apply_async({.deadline = 20ms, .grace = 1ms}, for_ever);
    EXPECT_TRUE(endless.wait(patience)) << "the deadline of a task was not kept beside it";
    if (!endless.ready()) pool.terminate();
    EXPECT_THROW(endless.get(), brood::DeadlineExceeded);
  }
  brood::Pool pool({.processes = 1, .restart_intensity = 2, .restart_period = GetParam()}, dies);
  auto future = pool.apply_async(after_a_moment);
  EXPECT_TRUE(future.wait(patience)) << "births that failed were forgotten";
  if (!future.ready()) pool.terminate();
  EXPECT_THROW(future.get(), brood::PoolBroken);
}

TEST_P(TooLong, limits_of_a_call_are_never) {
  brood::Pool pool(1);
  EXPECT_EQ(pool.apply({.deadline = GetParam()}, after_a_moment), 7);
  EXPECT_EQ(pool.apply({.time_limit = GetParam()}, after_a_moment), 7);
  // It is asked to stop, and has all the time that it wants for that.
  brood::Queue<int> began;
  auto slow = pool.apply_async({.deadline = 50ms, .grace = GetParam()}, waits_to_stop, GetParam(), began);
  const bool begun = began.try_get_for(patience).has_value();
  EXPECT_TRUE(begun);
  ASSERT_TRUE(slow.wait(patience));
  EXPECT_THROW(slow.get(), brood::DeadlineExceeded);
  EXPECT_EQ(pool.counts().restarts, 0U);
}

TEST_P(Passed, limits_of_a_call_are_over_at_once) {
  brood::Pool pool(1);
  EXPECT_THROW(pool.apply({.deadline = GetParam()}, after_a_moment), brood::DeadlineExceeded);
  auto limited = pool.apply_async({.time_limit = GetParam(), .grace = GetParam()}, for_ever);
  ASSERT_TRUE(limited.wait(patience));
  EXPECT_THROW(limited.get(), brood::DeadlineExceeded);
}

TEST_P(Passed, options_of_a_pool_are_refused) {
  EXPECT_THROW(brood::Pool({.processes = 1, .max_worker_age = GetParam()}), brood::UsageError);
  EXPECT_THROW(brood::Pool({.processes = 1, .restart_period = GetParam()}), brood::UsageError);
}

// Each is called with a time limit, for something that comes after a moment where `comes`, else never. True:
// it came.
struct Wait {
  std::string name;
  std::function<bool(Time, bool comes)> came;
};
std::vector<Wait> waits() {
  static constexpr auto task = [](bool comes) { return comes ? after_a_moment() : (for_ever(), 0); };
  const auto of_future = [](auto wait) {
    return [wait](Time time, bool comes) {
      brood::Pool pool(1);
      std::vector<brood::Future<int>> futures;
      futures.push_back(pool.apply_async(task, comes));
      const bool came = wait(futures, time);
      if (!comes) pool.terminate();
      return came;
    };
  };
  const auto in_time = [](auto f) {
    try {
      f();
      return true;
    } catch (const brood::TimeoutError&) {
      return false;
    } catch (const brood::Empty&) {
      return false;
    } catch (const brood::Full&) {
      return false;
    }
  };
  const auto of_get = [](auto get) {
    return [get](Time time, bool comes) {
      brood::Queue<int> queue;
      brood::Process writer(put_after_a_moment, queue);
      if (comes) writer.start();
      const bool came = get(queue, time);
      if (comes) writer.join();
      return came;
    };
  };
  const auto of_put = [](auto put) {
    return [put](Time time, bool comes) {
      brood::Queue<int> queue(1);
      queue.put(1);
      brood::Process reader(get_after_a_moment, queue);
      if (comes) reader.start();
      const bool came = put(queue, time);
      if (comes) reader.join();
      return came;
    };
  };
  // That time from now, as far as the clock goes.
  const auto at = [](Time time) {
    using Moment = std::chrono::steady_clock::time_point;
    const auto now = std::chrono::steady_clock::now();
    if (time < 0ns) return time == Time::min() ? Moment::min() : now + time;
    return time < Moment::max() - now ? now + time : Moment::max();
  };
  return {
      {"Future::wait_until", of_future([=](auto& f, Time time) { return f[0].wait_until(at(time)); })},
      {"Future::get_until",
       of_future([=](auto& f, Time time) { return in_time([&] { f[0].get_until(at(time)); }); })},
      {"wait_until", of_future([=](auto& f, Time time) {
         return brood::wait_until(f, brood::When::first_completed, at(time)).done.size() == 1;
       })},
      {"as_completed_until", of_future([=](auto& f, Time time) {
         return in_time([&] {
           for ([[maybe_unused]] auto& one : brood::as_completed_until(f, at(time))) {
           }
         });
       })},
      {"MapFuture::get_until",
       [=](Time time, bool comes) {
         brood::Pool pool(1);
         auto map = pool.map_async(task, std::vector{comes});
         const bool came = in_time([&] { map.get_until(at(time)); });
         EXPECT_EQ(map.wait_until(at(time)), came);
         if (!comes) pool.terminate();
         return came;
       }},
      {"Pool::join_until",
       [=](Time time, bool comes) {
         brood::Pool pool(1);
         auto future = pool.apply_async(task, comes);
         pool.close();
         const bool came = pool.join_until(at(time));
         if (!comes) pool.terminate();
         return came;
       }},
      {"Process::join_until",
       [=](Time time, bool comes) {
         brood::Process process([](bool ends) { task(ends); }, comes);
         process.start();
         const bool came = process.join_until(at(time));
         if (!comes) process.kill();
         process.join();
         return came;
       }},
      {"Queue::get_until",
       of_get([=](auto& q, Time time) { return in_time([&] { q.get_until(at(time)); }); })},
      {"Queue::try_get_until",
       of_get([=](auto& q, Time time) { return q.try_get_until(at(time)).has_value(); })},
      {"Queue::put_until",
       of_put([=](auto& q, Time time) { return in_time([&] { q.put_until(2, at(time)); }); })},
      {"Queue::try_put_until", of_put([=](auto& q, Time time) { return q.try_put_until(2, at(time)); })},
      {"Queue::try_put_for", of_put([](auto& q, Time time) { return q.try_put_for(2, time); })},
      {"Future::wait", of_future([](auto& f, Time time) { return f[0].wait(time); })},
      {"Future::get", of_future([=](auto& f, Time time) { return in_time([&] { f[0].get(time); }); })},
      {"Future::result", of_future([=](auto& f, Time time) { return in_time([&] { f[0].result(time); }); })},
      {"Future::exception",
       of_future([=](auto& f, Time time) { return in_time([&] { f[0].exception(time); }); })},
      {"wait", of_future([](auto& f, Time time) {
         return brood::wait(f, brood::When::first_completed, time).done.size() == 1;
       })},
      {"as_completed", of_future([=](auto& f, Time time) {
         return in_time([&] {
           for ([[maybe_unused]] auto& one : brood::as_completed(f, time)) {
           }
         });
       })},
      {"MapFuture::wait",
       [](Time time, bool comes) {
         brood::Pool pool(1);
         auto map = pool.map_async(task, std::vector{comes});
         const bool came = map.wait(time);
         if (!comes) pool.terminate();
         return came;
       }},
      {"MapFuture::get",
       [=](Time time, bool comes) {
         brood::Pool pool(1);
         auto map = pool.map_async(task, std::vector{comes});
         const bool came = in_time([&] { map.get(time); });
         if (!comes) pool.terminate();
         return came;
       }},
      {"Pool::join",
       [](Time time, bool comes) {
         brood::Pool pool(1);
         auto future = pool.apply_async(task, comes);
         pool.close();
         const bool came = pool.join(time);
         if (!comes) pool.terminate();
         return came;
       }},
      {"Process::join",
       [](Time time, bool comes) {
         brood::Process process([](bool ends) { task(ends); }, comes);
         process.start();
         const bool came = process.join(time);
         if (!comes) process.kill();
         process.join();
         return came;
       }},
      {"Future::wait of a Promise",
       [](Time time, bool comes) {
         brood::Promise<int> promise;
         auto future = promise.get_future();
         std::thread keeps;
         if (comes) keeps = std::thread([&] { promise.set_result(after_a_moment()); });
         const bool came = future.wait(time);
         if (comes) keeps.join();
         return came;
       }},
      {"StopToken::wait_for",
       [](Time time, bool comes) {
         brood::Pool pool(1);
         if (!comes) return pool.apply(is_asked_to_stop_within, time);
         brood::Queue<int> began;
         auto future = pool.apply_async(waits_to_stop, time, began);
         if (!began.try_get_for(patience)) return false;
         usleep(30'000);
         future.cancel();
         return future.get(patience);
       }},
      {"Queue::get", of_get([=](auto& q, Time time) { return in_time([&] { q.get(time); }); })},
      {"Queue::get(true)", of_get([=](auto& q, Time time) { return in_time([&] { q.get(true, time); }); })},
      {"Queue::try_get_for", of_get([](auto& q, Time time) { return q.try_get_for(time).has_value(); })},
      {"Queue::put", of_put([=](auto& q, Time time) { return in_time([&] { q.put(2, time); }); })},
      {"Queue::put(true)",
       of_put([=](auto& q, Time time) { return in_time([&] { q.put(2, true, time); }); })},
  };
}

TEST_P(TooLong, waits_end_with_what_they_wait_for) {
  for (const auto& wait : waits()) EXPECT_TRUE(wait.came(GetParam(), true)) << wait.name;
}
TEST_P(Passed, waits_are_looks) {
  for (const auto& wait : waits()) EXPECT_FALSE(wait.came(GetParam(), false)) << wait.name;
}

TEST(Length, of_a_timeout_is_what_was_given) {
  using brood::Timeout;
  EXPECT_FALSE(Timeout().is_limited());
  EXPECT_TRUE(Timeout().deadline().is_never());
  EXPECT_EQ(Timeout(1.5s).span(), 1'500'000'000ns);
  EXPECT_EQ(Timeout(std::chrono::duration<double, std::nano>(0.5)).span(), 1ns) << "it is more than nothing";
  EXPECT_EQ(Timeout(-3ms).span(), -3'000'000ns);
  EXPECT_TRUE(Timeout(-3ms).deadline().is_now());
  for (const auto& endless :
       {Timeout(std::chrono::hours::max()),
        Timeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity())),
        Timeout(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()))}) {
    EXPECT_TRUE(endless.deadline().is_never());
  }
  EXPECT_TRUE(Timeout(std::chrono::hours::min()).deadline().is_now());
  const auto far = std::chrono::system_clock::time_point::max();
  EXPECT_TRUE(Timeout::until(far).deadline().is_never());
  EXPECT_TRUE(Timeout::until(std::chrono::system_clock::time_point::min()).deadline().is_now());
  const auto left = Timeout::until(std::chrono::system_clock::now() + 1h).span();
  EXPECT_GT(left, 59min);
  EXPECT_LE(left, 1h);
}

TEST(Length, of_other_units_and_no_numbers) {
  using brood::detail::Deadline;
  EXPECT_TRUE(Deadline::in(std::chrono::hours::max()).is_never());
  EXPECT_TRUE(
      Deadline::in(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).is_never());
  EXPECT_TRUE(
      Deadline::in(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).is_never());
  EXPECT_TRUE(Deadline::in(std::chrono::hours::min()).is_now());
  EXPECT_TRUE(Deadline::in(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())).is_now());
  EXPECT_TRUE(Deadline::never().at_most(std::chrono::nanoseconds::max()).is_never());
}

}  // namespace
