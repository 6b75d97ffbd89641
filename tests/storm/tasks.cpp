#include "tasks.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "books.hpp"
#include "dice.hpp"
#include "outcomes.hpp"

namespace storm {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct OwnError {
  std::uint32_t id;
};
struct StormError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void do_work(const Spec& spec) {
  const auto until = Clock::now() + std::chrono::microseconds(spec.micros);
  volatile std::uint64_t sum = 0;
  while (Clock::now() < until) sum = sum * 31 + 7;
}
void do_sleep(const Spec& spec) { usleep(spec.micros); }
void do_allocate(const Spec& spec) {
  std::vector<std::uint8_t> much((1 + spec.seed % 16) << 20);
  for (std::size_t i = 0; i < much.size(); i += 4096) much[i] = 1;
}

// No memory for this worker, until it has noticed.
void do_exhaust(const Spec&) {
#ifdef __SANITIZE_ADDRESS__
  throw std::bad_alloc();  // its shadow does not bear the limit
#else
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  long pages = 0;
  if (std::FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%ld", &pages) != 1) pages = 0;
    std::fclose(statm);
  }
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(pages) * 4096 + (32 << 20);
  if (low.rlim_cur > before.rlim_max) throw std::bad_alloc();
  setrlimit(RLIMIT_AS, &low);
  struct Restore {
    rlimit limit;
    ~Restore() { setrlimit(RLIMIT_AS, &limit); }
  } const restore{before};
  std::vector<std::vector<char> > all;
  for (;;) all.emplace_back(4 << 20);
#endif
}

void do_write(const Spec& spec) {
  const std::string line(1 + spec.seed % 200, 'x');
  for (std::uint64_t i = 0; i < 1 + spec.seed % 30; ++i) std::fprintf(stderr, "%s\n", line.c_str());
}
// A process of the task's own, which outlives it; it goes with the worker.
void do_fork(const Spec&) {
  if (fork() != 0) return;
  alarm(300);
  for (;;) pause();
}
void do_throw(const Spec& spec) { throw std::out_of_range("storm " + std::to_string(spec.id)); }
void do_throw_own(const Spec& spec) {
  if (spec.seed % 2 == 0) throw OwnError{spec.id};
  throw StormError("storm " + std::to_string(spec.id));
}
void do_exit0(const Spec&) { _exit(0); }
void do_exit3(const Spec&) { std::exit(3); }
void do_abort(const Spec&) { std::abort(); }
void do_segfault(const Spec&) {
  std::signal(SIGSEGV, SIG_DFL);
  volatile std::uintptr_t nowhere = 8;
  *reinterpret_cast<volatile int*>(nowhere) = 1;
}
int deeper(int n) {
  volatile char frame[4096];
  frame[n % 4096] = 1;
  return n < 0 ? 0 : deeper(n + 1) + frame[0];
}
void do_overflow(const Spec&) {
  std::signal(SIGSEGV, SIG_DFL);
  deeper(0);
}
void do_exec(const Spec&) {
  execl("/bin/true", "true", nullptr);
  _exit(0);
}
void do_last_words(const Spec& spec) {
  std::fprintf(stderr, "%s\n", last_words_of(spec).c_str());
  std::abort();
}

// Submits its children, and answers for what becomes of them.
void submit_children(brood::Pool& pool, const Spec& spec) {
  std::vector<Pending> all;
  for (std::uint32_t i = 0; i < spec.children; ++i) {
    if (auto one = submit(pool, child_of(spec, i), nullptr)) all.push_back(std::move(*one));
  }
  for (auto& one : all) {
    if (one.wait(120s))
      one.judge();
    else
      complain(Trouble::lost, "the future of task " + one.label() + ", a child of task " +
                                  std::to_string(spec.id) + ", does not resolve");
  }
}
void do_ask(const Spec& spec) { submit_children(brood::this_worker::pool(), spec); }
void do_nest(const Spec& spec) {
  try {
    brood::Pool inner({.processes = 1 + static_cast<int>(spec.seed % 3), .name = "storm-n"});
    submit_children(inner, spec);
    if (spec.seed % 4 == 0) inner.terminate();
  } catch (const brood::Error& e) {
    complain_unless(deaths | no_descriptors | no_memory,
                    "task " + std::to_string(spec.id) + " could not have a pool: " + e.what());
  }
}

using Act = void (*)(const Spec&);
constexpr std::array<Act, static_cast<std::size_t>(Shape::count)> acts{
    do_work,  // empty: in a map
    do_work,       do_sleep, do_allocate, do_exhaust, do_write,    do_fork,     do_throw,
    do_throw_own,  do_exit0, do_exit3,    do_abort,   do_segfault, do_overflow, do_exec,
    do_last_words, do_work,  do_work,     do_work,    do_ask,      do_nest};

void check_argument(const Spec& spec, const Bytes& argument) {
  if (argument != noise(spec.seed, spec.in))
    complain(Trouble::lost, "the argument of task " + std::to_string(spec.id) + " was torn");
}

Answer answer_to(const Spec& spec) {
  Answer answer{spec.id, 0, noise(~spec.seed, spec.out)};
  answer.sum = sum_of(answer.bytes);
  note_ended(spec.id);
  return answer;
}

}  // namespace

void nothing(const Spec& spec) {
  note_begun(spec.id);
  note_ended(spec.id);
}

Answer perform(const Spec& spec, const Bytes& argument) {
  note_begun(spec.id);
  check_argument(spec, argument);
  acts[static_cast<std::size_t>(spec.shape)](spec);
  return answer_to(spec);
}

Answer perform_with(const Spec& spec, const Bytes& argument, const Values& values) {
  note_begun(spec.id);
  check_argument(spec, argument);
  Values queue = values;
  if (spec.shape == Shape::put) {
    for (std::uint32_t i = 0; i < spec.values; ++i) put_one(queue, spec.first_value + i, spec.seed, 3ms);
  } else {
    Taker taker;
    for (std::uint64_t i = 0; i < 1 + spec.seed % 8; ++i) {
      taker.take(queue, std::chrono::microseconds(spec.seed % 2000));
    }
  }
  return answer_to(spec);
}

Offer offer(const Spec& spec, const Bytes& argument) {
  note_begun(spec.id);
  check_argument(spec, argument);
  Values queue;
  for (std::uint32_t i = 0; i < spec.values; ++i) queue.put(make_value(i, spec.seed));
  return {answer_to(spec), queue};
}

void warm_up(std::uint32_t number) {
  if (number != 77) complain(Trouble::wrong, "an initializer was given " + std::to_string(number));
}

}  // namespace storm
