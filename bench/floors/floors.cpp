#include "floors/floors.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "floors/shared.hpp"
#include "harness.hpp"

namespace bench::floors {
namespace {

// One writer, one reader; each looks at the other's cursor only when its own copy says that it must.
template <class Value, std::uint64_t capacity>
struct Ring {
  Line head, tail;
  std::array<Value, capacity> values;

  template <class Write>
  void put(std::uint64_t n, std::uint64_t& seen, Write write) {
    while (n - seen >= capacity) {
      seen = head.word.load(std::memory_order_acquire);
      if (n - seen >= capacity) relax();
    }
    write(values[n % capacity]);
    tail.word.store(n + 1, std::memory_order_release);
  }
  template <class Read>
  void get(std::uint64_t n, std::uint64_t& seen, Read read) {
    while (n >= seen) {
      seen = tail.word.load(std::memory_order_acquire);
      if (n >= seen) relax();
    }
    read(values[n % capacity]);
    head.word.store(n + 1, std::memory_order_release);
  }
};

// Dmitry Vyukov's bounded queue: a cell's number says whose turn it is, a cursor is claimed by one
// compare-and-swap. Who is killed between claim and number stops the others for good. `owned`: a word of each
// value tells whose it is, which takes one more on each side; that alone, nobody looks at it.
template <bool owned>
struct ManyRing {
  static constexpr std::uint64_t capacity = 4096;
  struct Cell {
    std::atomic<std::uint64_t> turn{0};
    std::atomic<std::uint64_t> owner{0};
    std::array<std::uint64_t, 8> value{};
  };
  static constexpr std::uint64_t nobody = 0, writer = 1, complete = 2, reader = 3;
  static void own([[maybe_unused]] Cell& cell, [[maybe_unused]] std::uint64_t from,
                  [[maybe_unused]] std::uint64_t to) {
    if constexpr (owned) cell.owner.compare_exchange_strong(from, to);
  }
  static void disown([[maybe_unused]] Cell& cell, [[maybe_unused]] std::uint64_t now) {
    if constexpr (owned) cell.owner.store(now, std::memory_order_release);
  }
  Line head, tail;
  std::array<Cell, capacity> cells;

  ManyRing() {
    for (std::uint64_t i = 0; i < capacity; ++i) cells[i].turn.store(i);
  }
  // The cell at the cursor, once it is that turn there.
  Cell& claim(Line& cursor, std::uint64_t offset, std::uint64_t& at) {
    at = cursor.word.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells[at % capacity];
      const auto turn = cell.turn.load(std::memory_order_acquire);
      if (turn == at + offset) {
        if (cursor.word.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) return cell;
      } else {
        relax();
        at = cursor.word.load(std::memory_order_relaxed);
      }
    }
  }
  void put(std::uint64_t value) {
    std::uint64_t at = 0;
    Cell& cell = claim(tail, 0, at);
    own(cell, nobody, writer);
    cell.value = {value};
    disown(cell, complete);
    cell.turn.store(at + 1, std::memory_order_release);
  }
  std::uint64_t get() {
    std::uint64_t at = 0;
    Cell& cell = claim(head, 1, at);
    own(cell, complete, reader);
    const auto value = cell.value;
    disown(cell, nobody);
    cell.turn.store(at + capacity, std::memory_order_release);
    return value[0];
  }
};

// ready or done: what lies in the slot is the other's.
struct alignas(64) Slot {
  std::atomic<std::uint32_t> state{0};
  int value = 0;
  int (*call)(int) = nullptr;
};
constexpr std::uint32_t empty = 0, ready = 1, done = 2, last = 3;
constexpr std::size_t slots = 256;
struct Lane {
  std::array<Slot, slots> slot;
};

int nothing(int x) { return x; }

void serve(Lane& lane) {
  for (std::size_t next = 0;; ++next) {
    Slot& slot = lane.slot[next % slots];
    std::uint32_t state = empty;
    while ((state = slot.state.load(std::memory_order_acquire)) != ready && state != last) relax();
    if (state == last) return;
    slot.value = slot.call(slot.value);
    slot.state.store(done, std::memory_order_release);
  }
}

void futex(std::atomic<std::uint32_t>& word, int what, std::uint32_t value) {
  syscall(SYS_futex, &word, what, value, nullptr, nullptr, 0);
}
struct alignas(64) FutexWord {
  std::atomic<std::uint32_t> word{0};
  void wait(std::uint32_t wanted) {
    for (std::uint32_t seen = word.load(); seen != wanted; seen = word.load()) futex(word, FUTEX_WAIT, seen);
  }
  void tell(std::uint32_t value) {
    word.store(value);
    futex(word, FUTEX_WAKE, 1);
  }
};

}  // namespace

double lanes() {
  constexpr int n = 1'000'000;
  constexpr std::size_t workers = 2;
  Shared<std::array<Lane, workers>> all;
  std::array<std::unique_ptr<Forked>, workers> forked;
  for (std::size_t w = 0; w < workers; ++w) forked[w] = std::make_unique<Forked>([&] { serve((*all)[w]); });
  std::array<std::size_t, workers> head{}, tail{};
  long sum = 0;
  int put = 0;
  const double begun = seconds_now();
  for (int got = 0; got < n;) {
    for (std::size_t w = 0; w < workers; ++w) {
      Lane& lane = (*all)[w];
      for (; put < n && head[w] - tail[w] < slots - 1; ++head[w], ++put) {
        Slot& slot = lane.slot[head[w] % slots];
        slot.value = put;
        slot.call = nothing;
        slot.state.store(ready, std::memory_order_release);
      }
      for (; tail[w] != head[w]; ++tail[w], ++got) {
        Slot& slot = lane.slot[tail[w] % slots];
        if (slot.state.load(std::memory_order_acquire) != done) break;
        sum += slot.value;
        slot.state.store(empty, std::memory_order_relaxed);
      }
    }
  }
  const double seconds = seconds_now() - begun;
  for (std::size_t w = 0; w < workers; ++w) (*all)[w].slot[head[w] % slots].state.store(last);
  return sum == static_cast<long>(n) * (n - 1) / 2 ? n / seconds / 1e6 : -1;
}

double work_alone(int (*f)(int), int argument, int calls, int processes) {
  const double begun = seconds_now();
  {
    std::vector<std::unique_ptr<Forked>> all;
    for (int p = 0; p < processes; ++p)
      all.push_back(std::make_unique<Forked>([&] {
        for (int i = p; i < calls; i += processes) f(argument);
      }));
  }
  return seconds_now() - begun;
}

double ping_pong() {
  constexpr std::uint64_t n = 200'000;
  struct Two {
    Line there, back;
  };
  Shared<Two> two;
  const Forked other([&] {
    for (std::uint64_t i = 1; i <= n; ++i) {
      while (two->there.word.load(std::memory_order_acquire) != i) relax();
      two->back.word.store(i, std::memory_order_release);
    }
  });
  const double begun = seconds_now();
  for (std::uint64_t i = 1; i <= n; ++i) {
    two->there.word.store(i, std::memory_order_release);
    while (two->back.word.load(std::memory_order_acquire) != i) relax();
  }
  return (seconds_now() - begun) / n * 1e6;
}

namespace {

double futex_ping_pong(std::uint32_t n, int rest) {
  Shared<std::array<FutexWord, 2>> words;
  const Forked other([&] {
    for (std::uint32_t i = 1; i <= n; ++i) {
      (*words)[0].wait(i);
      (*words)[1].tell(i);
    }
  });
  return microseconds_after_rest(static_cast<int>(n), rest, [&](int i) {
    (*words)[0].tell(static_cast<std::uint32_t>(i) + 1);
    (*words)[1].wait(static_cast<std::uint32_t>(i) + 1);
  });
}

}  // namespace

double ping_pong_asleep() { return futex_ping_pong(5'000, 0); }
double ping_pong_after_rest(int rest) { return futex_ping_pong(300, rest); }

struct ManyForked::Words {
  struct Two {
    std::atomic<int> here{0};
    FutexWord all, go;
  };
  Shared<Two> shared;
};

ManyForked::ManyForked(int n) : words_(std::make_unique<Words>()) {
  auto& words = *words_->shared;
  for (int i = 0; i < n; ++i) {
    const int pid = fork();
    if (pid == 0) {
      if (++words.here == n) words.all.tell(1);
      words.go.wait(1);
      words.go.tell(1);  // the next one
      _exit(0);
    }
    pids_.push_back(pid);
  }
  words.all.wait(1);
}
ManyForked::~ManyForked() {
  words_->shared->go.tell(1);
  for (const int pid : pids_) waitpid(pid, nullptr, 0);
}

double forked_ready(int n) {
  const double begun = seconds_now();
  const ManyForked all(n);
  return seconds_now() - begun;
}

double ring() {
  constexpr std::uint64_t n = 5'000'000;
  using Value = std::array<std::uint64_t, 8>;
  Shared<Ring<Value, 4096>> shared;
  const Forked writer([&] {
    for (std::uint64_t i = 0, seen = 0; i < n; ++i) shared->put(i, seen, [&](Value& to) { to = Value{i}; });
  });
  std::uint64_t wrong = 0;
  const double begun = seconds_now();
  for (std::uint64_t i = 0, seen = 0; i < n; ++i)
    shared->get(i, seen, [&](const Value& from) { wrong += Value(from)[0] != i; });
  const double seconds = seconds_now() - begun;
  return wrong == 0 ? static_cast<double>(n) / seconds / 1e6 : -1;
}

namespace {

// All of them are there before the first value is put.
template <bool owned>
double through_many_ring(int writers, int readers) {
  // Fewer where most of them wait for a processor.
  const std::uint64_t n = writers + readers > 8 ? 200'000 : 2'000'000;
  struct All {
    ManyRing<owned> ring;
    Line here, go;
  };
  Shared<All> shared;
  const auto each = n / static_cast<std::uint64_t>(writers);
  double begun = 0;
  {
    std::vector<std::unique_ptr<Forked>> gets, puts;
    for (int r = 0; r < readers; ++r) {
      gets.push_back(std::make_unique<Forked>([&] {
        shared->here.word.fetch_add(1);
        while (shared->ring.get() != 0) {
        }
      }));
    }
    for (int w = 0; w < writers; ++w) {
      puts.push_back(std::make_unique<Forked>([&] {
        shared->here.word.fetch_add(1);
        while (shared->go.word.load() == 0) relax();
        for (std::uint64_t i = 0; i < each; ++i) shared->ring.put(i + 1);
      }));
    }
    while (shared->here.word.load() != static_cast<std::uint64_t>(writers + readers)) relax();
    begun = seconds_now();
    shared->go.word.store(1);
    puts.clear();  // waits for them
    for (int r = 0; r < readers; ++r) shared->ring.put(0);
  }
  return static_cast<double>(n) / (seconds_now() - begun) / 1e6;
}

}  // namespace

double many_ring(int writers, int readers) { return through_many_ring<false>(writers, readers); }
double owned_ring(int writers, int readers) { return through_many_ring<true>(writers, readers); }

double mapped(int (*f)(int), const std::vector<int>& items, unsigned times) {
  constexpr std::size_t most = 100'000, workers = 2;
  constexpr std::uint32_t before = 3;  // until the memory is there for all of them
  struct Block {
    std::array<FutexWord, workers> go, done;
    std::array<std::atomic<char>, most> state;
    std::array<int, most> item, result;
  };
  Shared<Block> block;
  const auto n = std::min(items.size(), most);
  const auto begin_of = [&](std::size_t w) { return w * n / workers; };
  std::array<std::unique_ptr<Forked>, workers> forked;
  for (std::size_t w = 0; w < workers; ++w) {
    forked[w] = std::make_unique<Forked>([&, w] {
      int (*volatile call)(int) = f;
      for (std::uint32_t time = 1; time <= before + times; ++time) {
        block->go[w].wait(time);
        for (std::size_t i = begin_of(w); i < begin_of(w + 1); ++i) {
          block->state[i].store(1, std::memory_order_relaxed);
          block->result[i] = call(block->item[i]);
          block->state[i].store(2, std::memory_order_release);
        }
        block->done[w].tell(time);
      }
    });
  }
  bool right = true;
  double begun = 0;
  for (std::uint32_t time = 1; time <= before + times; ++time) {
    if (time == before + 1) begun = seconds_now();
    for (std::size_t w = 0; w < workers; ++w) {
      const auto from = begin_of(w);
      std::memcpy(&block->item[from], &items[from], (begin_of(w + 1) - from) * sizeof(int));
      block->go[w].tell(time);
    }
    std::vector<int> results(n);
    for (std::size_t w = 0; w < workers; ++w) {
      block->done[w].wait(time);
      const auto from = begin_of(w);
      std::memcpy(&results[from], &block->result[from], (begin_of(w + 1) - from) * sizeof(int));
    }
    right = right && results[n / 3] == f(items[n / 3]);
  }
  const double seconds = seconds_now() - begun;
  return right ? static_cast<double>(n) * times / seconds / 1e6 : -1;
}

double copies() {
  constexpr std::uint64_t n = 50'000;
  constexpr std::size_t size = 65536;
  using Value = std::array<char, size>;
  Shared<Ring<Value, 64>> shared;
  const std::vector<char> value(size, 'x');
  const Forked writer([&] {
    for (std::uint64_t i = 0, seen = 0; i < n; ++i)
      shared->put(i, seen, [&](Value& to) { std::memcpy(to.data(), value.data(), size); });
  });
  std::vector<char> got(size);
  std::uint64_t seen = 0;
  const auto get = [&](std::uint64_t i) {
    shared->get(i, seen, [&](const Value& from) { std::memcpy(got.data(), from.data(), size); });
  };
  get(0);  // the writer is there
  const double begun = seconds_now();
  for (std::uint64_t i = 1; i < n; ++i) get(i);
  const double seconds = seconds_now() - begun;
  return got == value ? static_cast<double>(n * size) / seconds / 1e9 : -1;
}

}  // namespace bench::floors
