// A queue with room for two values: who finds no room, or no value, waits,
// waits for a while, or does not wait.

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

template <class Call>
void attempt(const char* what, Call call) {
  const auto begin = Clock::now();
  const char* end = "done";
  try {
    call();
  } catch (const brood::Full&) {
    end = "Full";
  } catch (const brood::Empty&) {
    end = "Empty";
  }
  std::printf("%-20s %-5s after %.1f s\n", what, end,
              Seconds(Clock::now() - begin).count());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  // [tour
  brood::Queue<std::string> queue(2);
  attempt("put one", [&] { queue.put("one"); });
  attempt("put two", [&] { queue.put("two"); });
  attempt("put, block = false", [&] { queue.put("three", false); });
  attempt("put, at most 0.3 s", [&] { queue.put("three", true, 300ms); });

  for (int i = 0; i < 2; ++i) std::printf("got %s\n", queue.get().c_str());
  attempt("get, block = false", [&] { queue.get(false); });
  attempt("get, at most 0.3 s", [&] { queue.get(true, 300ms); });
  std::printf("try_get has %s\n", queue.try_get() ? "a value" : "nothing");

  brood::Queue<int> large(0);  // 0 or less: as many as memory holds
  for (int i = 0; i < 100'000; ++i) large.put(i);
  std::printf("a queue without a limit holds %zu\n", large.qsize());
  // tour]
}
