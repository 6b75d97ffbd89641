// A task that writes noise over what its process maps of the arena: hostile WHAT SEED. The program must live
// through it, end, and ask for no more memory than before; where the noise is kept to what the task was
// given, all else must be right.

#include <sys/resource.h>

#include <array>
#include <chrono>
#include <set>
#include <thread>

#include "channel/queue_layout.hpp"
#include "noise.hpp"
#include "pool/lanes.hpp"
#include "program_support.hpp"

namespace hostile {

using namespace std::chrono_literals;
namespace arena = brood::arena;
using Text = brood::Queue<std::string>;

// Of arrays: such values lie in the ring itself, as long as one thread alone puts.
template <class T>
T value(int number) {
  if constexpr (std::is_same_v<T, std::string>)
    return "text " + std::to_string(number);
  else
    return {number, number, number, number};
}

std::span<std::byte> object_at(std::uint64_t offset, std::size_t size) {
  return {arena::at(offset, size), size};
}

// A queue with all that belongs to it.
std::vector<std::span<std::byte>> parts_of(std::uint64_t object) {
  const auto& q = *arena::object_at<brood::channel::QueueObject>(object);
  std::vector<std::span<std::byte>> parts{object_at(object, sizeof q)};
  const auto add = [&](std::uint64_t bits) {
    const auto run = noise::run_of(arena::Place{bits});
    if (!run.empty()) parts.push_back(run.first(std::min<std::size_t>(run.size(), 128 * 1024)));
  };
  for (const auto& segment : q.segments) add(segment.load());
  for (const auto& groups : q.groups) {
    for (const auto& group : groups) add(group.load());
  }
  return parts;
}

std::size_t words_at() {
  const auto end = reinterpret_cast<std::byte*>(arena::members() + arena::most_members());
  return (static_cast<std::size_t>(end - arena::at(0, 0)) + 4095) / 4096 * 4096;
}

std::vector<std::span<std::byte>> reach_of(const std::string& what, std::uint64_t given) {
  constexpr std::size_t words = 4096;  // of chunks: as many as a page holds, see arena.cpp
  if (what == "results") return {object_at(brood::pool::own_lane().results, sizeof(brood::pool::Results))};
  if (what == "given") return parts_of(given);
  if (what == "asks") return parts_of(brood::pool::own_lane().asks);
  if (what == "header") return {object_at(0, sizeof(arena::Header))};
  if (what == "members") return {object_at(64, 40 * sizeof(arena::Member))};
  if (what == "words") return {object_at(words_at(), words)};
  std::vector<std::span<std::byte>> all;
  const auto used = arena::header().members_used.load();
  for (std::uint32_t n = 1; n < used; ++n) {
    const auto ledger = arena::members()[n].ledger.load();
    if (ledger != 0) all.push_back(object_at(ledger, 256));
  }
  if (what == "ledgers") return all;
  // The first 8 MiB of chunks: whatever lies there.
  const auto chunks = (words_at() + words + arena::chunk_size - 1) / arena::chunk_size * arena::chunk_size;
  for (int n = 0; n < 128; ++n)
    all.push_back(object_at(chunks + static_cast<std::uint64_t>(n) * arena::chunk_size, arena::chunk_size));
  if (what == "runs") return all;
  all.push_back(object_at(0, words_at() + words));
  return all;
}

template <class T>
int attack(std::string what, std::uint64_t seed, brood::Queue<T> given) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  noise::Random random(seed);
  const auto reach = reach_of(what, brood::Codec<brood::Queue<T>>::object_of(given));
  const auto until = std::chrono::steady_clock::now() + 30ms;
  // Some write once, some go on; some likely words, some any bytes; then it dies, or does not.
  do {
    for (const auto& part : reach) {
      if (seed % 3 == 0)
        noise::bytes(part, random);
      else
        noise::likely_words(part, random, 1 + part.size() / 256);
    }
  } while (seed % 2 == 0 && std::chrono::steady_clock::now() < until);
  if (seed % 4 < 2) _exit(static_cast<int>(seed % 2));
  return 1;
}

int square(int n) { return n * n; }
std::string longer(int n) { return std::string(70'000, static_cast<char>('a' + n)); }
int nested(int n) { return brood::this_worker::pool().apply(square, n); }

// What it throws is an answer.
template <class F>
bool right(F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    static std::set<std::string> said;
    if (said.insert(e.what()).second) std::fprintf(stderr, "%s\n", e.what());
    return false;
  }
}

template <class R>
bool comes_to(brood::Future<R> future, const R& expected) {
  return right([&] { return future.get(5s) == expected; });
}

bool pool_is_right(brood::Pool& pool) {
  bool all = true;
  for (int i = 0; i < 40; ++i) {
    all = comes_to(pool.apply_async(square, i), i * i) && all;
    if (i % 8 == 0) all = comes_to(pool.apply_async(longer, i % 20), longer(i % 20)) && all;
  }
  return all;
}

bool queue_is_right(Text& queue) {
  return right([&] {
    for (const auto* text : {"one", "two"}) queue.put(text, 5s);
    queue.put(std::string(80'000, 'x'), 5s);
    return queue.get(5s) == "one" && queue.get(5s) == "two" && queue.get(5s).size() == 80'000 &&
           queue.empty();
  });
}

// Anything may come of these but a crash or a wait without end.
template <class T>
void use(brood::Queue<T>& queue) {
  for (int i = 0; i < 300; ++i) {
    right([&] { return queue.try_put(value<T>(i)); });
    right([&] { return queue.try_get().has_value(); });
    right([&] { return queue.qsize() == 0; });
  }
  for (int i = 0; i < 3; ++i) right([&] { return queue.try_get_for(20ms).has_value(); });
  right([&] {
    queue.close();
    return true;
  });
}

long resident_mb() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_maxrss / 1024;
}

template <class T>
void run(const std::string& what, std::uint64_t seed) {
  brood::sync::EventCount::longest_doze = 100ms;
  const auto before = resident_mb();
  bool rest = true;
  {
    std::optional<brood::Queue<T>> given(std::in_place);
    std::optional<Text> mine(std::in_place);
    for (int i = 0; i < 100; ++i) given->put(value<T>(i));
    if constexpr (std::is_same_v<T, std::string>) given->put(std::string(80'000, 'x'));
    brood::Pool other(1);
    brood::Pool pool(2);
    right([&] { return pool.apply_async(nested, 3).get(5s) == 9; });
    auto attacked = pool.apply_async(attack<T>, what, seed, *given);
    auto asking = pool.apply_async(nested, 3);
    right([&] { return attacked.wait(10s); });
    static_cast<void>(right([&] { return asking.get(2s) == 9; }));
    rest = pool_is_right(pool) && rest;
    rest = pool_is_right(other) && rest;
    rest = queue_is_right(*mine) && rest;
    use(*given);
    for (brood::Pool* each : {&pool, &other}) {
      each->terminate();
      each->join();
    }
    given.reset();
    rest = queue_is_right(*mine) && rest;
    right([&] { return attacked.ready() && static_cast<bool>(attacked.outcome()); });
    right([&] { return asking.ready() && static_cast<bool>(asking.outcome()); });
  }
  if (rest) say("the rest is right\n");
  if (resident_mb() - before < 300) say("lives\n");
}

}  // namespace hostile

int main(int argc, char** argv) {
  brood::init(argc, argv, {.arena_bytes = 64 << 20});
  alarm(50);
  const auto seed = std::stoull(argv[2]);
  if (argv[1] == std::string("given-small"))
    hostile::run<std::array<int, 4>>("given", seed);
  else
    hostile::run<std::string>(argv[1], seed);
}
