#include "scenarios.hpp"

#include <brood/brood.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace failing {
namespace {

using namespace std::chrono_literals;

void require(bool right, const char* what) {
  if (!right) throw std::logic_error(std::string("wrong: ") + what);
}

int twice(int i) { return 2 * i; }
std::string grow(std::uint64_t size) { return std::string(size, 'g'); }
int measure(std::string text) { return static_cast<int>(text.size()); }
int add_up(int n) {
  auto& pool = brood::this_worker::pool();
  auto half = pool.apply_async(twice, n);
  return half.get() + 1;
}

void nothing() {}

void process() {
  for (int i = 0; i < 2; ++i) {
    brood::Process child([](int code) { std::exit(code); }, 3 + i);
    child.start();
    require(child.join(4s), "the child does not end");
    // A child that what strikes has hit says so itself, and ends with 1.
    if (child.exitcode() == 1) throw std::runtime_error("the child has failed");
    require(child.exitcode() == 3 + i, "exit code");
  }
}

void queue() {
  brood::Queue<std::string> there, back;
  brood::Process echo(
      {.daemon = true},
      [](brood::Queue<std::string> from, brood::Queue<std::string> to) {
        for (;;) {
          auto text = from.get();
          if (text.empty()) return;
          to.put(text);
        }
      },
      there, back);
  echo.start();
  for (const std::size_t size : {10, 3000, 200'000}) {
    const std::string text(size, 'q');
    there.put(text);
    // The echo may have died of what was to strike here: then nothing comes.
    std::optional<std::string> answer;
    for (int i = 0; i < 200 && !answer; ++i) {
      const bool alive = echo.is_alive();
      answer = back.try_get_for(20ms);
      if (!answer && !alive) throw std::runtime_error("the echo has died");
    }
    require(answer == text, "another text");
  }
  there.put("");
  require(echo.join(4s), "the echo does not end");
}

void pool() {
  brood::Pool pool(2);
  std::vector<brood::Future<int>> small;
  for (int i = 0; i < 20; ++i) small.push_back(pool.apply_async(twice, i));
  auto large = pool.apply_async(grow, std::uint64_t{100'000});
  auto argument = pool.apply_async(measure, std::string(100'000, 'a'));
  for (int i = 0; i < 20; ++i) require(small[static_cast<std::size_t>(i)].get(4s) == 2 * i, "a sum");
  require(large.get(4s).size() == 100'000, "a large result");
  require(argument.get(4s) == 100'000, "a large argument");
  pool.close();
  require(pool.join(4s), "the pool does not end");
}

void deadlines() {
  brood::Pool pool(1);
  const brood::CallOptions limited{
      .deadline = 4s, .time_limit = 3s, .idempotent = true, .retries = 2, .name = "limited"};
  require(pool.apply_async(limited, twice, 4).get(4s) == 8, "a limited task");
  auto waits = pool.apply_async(twice, 1);
  auto gone = pool.apply_async(twice, 2);
  gone.cancel();
  gone.wait(4s);
  require(waits.get(4s) == 2, "the one before");
}

void nested() {
  brood::Pool pool(2);
  require(pool.apply_async(add_up, 4).get(4s) == 9, "a nested task");
}

void map() {
  brood::Pool pool(2);
  std::vector<int> items(50);
  for (int i = 0; i < 50; ++i) items[static_cast<std::size_t>(i)] = i;
  int sum = 0;
  for (const int each : pool.imap_unordered(twice, items)) sum += each;
  require(sum == 50 * 49, "the sum");
}

constexpr Scenario all[] = {{"init", nothing}, {"process", process},     {"queue", queue},  {"pool", pool},
                            {"map", map},      {"deadlines", deadlines}, {"nested", nested}};

}  // namespace

std::span<const Scenario> scenarios() { return all; }

}  // namespace failing
