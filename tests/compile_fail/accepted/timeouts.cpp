#include <brood/brood.hpp>

using namespace std::chrono_literals;

void test(brood::Queue<int> queue, brood::Future<int> future, brood::Process& process, brood::Pool& pool) {
  const auto soon = std::chrono::steady_clock::now() + 1s;
  queue.put(1, 1s);
  queue.put(1, true, 0.5s);
  queue.put(1, false);
  queue.put_until(1, soon);
  queue.get(std::chrono::duration<float>(0.1F));
  queue.get(true);
  queue.get(false, 1s);
  queue.get_until(std::chrono::system_clock::now() + 1h);
  queue.try_put_for(1, 1ms);
  queue.try_put_until(1, soon);
  queue.try_get_for(1ms);
  queue.try_get_until(soon);
  future.get(1s);
  future.get_until(soon);
  future.wait_until(soon);
  process.join(brood::Timeout());
  process.join_until(soon);
  pool.join_until(soon);
  pool.apply({.deadline = 0.5s, .time_limit = 2min, .grace = {}}, [] {});
}
