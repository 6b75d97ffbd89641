#include "model.hpp"

#include <gtest/gtest.h>
#include <setjmp.h>
#include <ucontext.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace model {
namespace {

constexpr std::size_t stack_size = 64 * 1024;
constexpr int most_steps = 5000;  // of one run: nobody may need as many

struct Thread {
  ucontext_t entry{};  // a stack and begin()
  jmp_buf stopped;     // where the party stopped last
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(stack_size);
  Party party;
  int steps = 0;
  bool begun = false;
  bool over = false;
};

// The Explorer's side of a switch. A party is entered by setcontext once; every later switch is a _longjmp,
// because swapcontext asks the kernel for the signal mask each time, which took nine tenths of all time.
jmp_buf explorer;
Thread* current = nullptr;

void begin() {
  current->party.work();
  current->over = true;
  _longjmp(explorer, 1);
}

// Where one of several could go on.
struct Choice {
  std::uint8_t taken, of;
};

class Explorer {
 public:
  Explorer(const Model& model, int preemptions) : model_(model), preemptions_(preemptions) {}

  std::uint64_t run_all() {
    std::uint64_t runs = 0;
    do {
      run();
      ++runs;
    } while (next());
    return runs;
  }

 private:
  void run() {
    const auto parties = model_.parties();
    if (threads_.size() != parties.size()) threads_ = std::vector<Thread>(parties.size());
    for (std::size_t i = 0; i < parties.size(); ++i) prepare(threads_[i], parties[i]);
    at_ = 0;
    std::size_t last = 0;
    int left = preemptions_;
    for (int steps = 0;; ++steps) {
      if (steps == most_steps) throw std::runtime_error("the parties go round without end");
      const std::size_t who = choose(last, left);
      if (who == threads_.size()) break;
      last = who;
      resume(threads_[who]);
    }
    model_.judge();
  }

  static void prepare(Thread& thread, const Party& party) {
    thread.party = party;
    thread.steps = 0;
    thread.begun = false;
    thread.over = party.dies_after == 0;
    getcontext(&thread.entry);
    thread.entry.uc_stack.ss_sp = thread.stack.get();
    thread.entry.uc_stack.ss_size = stack_size;
    thread.entry.uc_link = nullptr;
    makecontext(&thread.entry, &begin, 0);
  }

  // The first choice is to go on with who was at it.
  std::size_t choose(std::size_t last, int& left) {
    std::vector<std::size_t> able;
    if (!threads_[last].over) able.push_back(last);
    const bool going_on = !able.empty();
    if (!going_on || left != 0) {
      for (std::size_t i = 0; i < threads_.size(); ++i) {
        if (!threads_[i].over && (i != last || !going_on)) able.push_back(i);
      }
    }
    if (able.empty()) return threads_.size();
    std::size_t chosen = 0;
    if (able.size() > 1) {
      if (at_ == path_.size()) path_.push_back({0, static_cast<std::uint8_t>(able.size())});
      chosen = path_[at_++].taken;
    }
    if (going_on && chosen != 0 && left > 0) --left;
    return able[chosen];
  }

  static void resume(Thread& thread) {
    current = &thread;
    if (_setjmp(explorer) == 0) {
      if (thread.begun) _longjmp(thread.stopped, 1);
      thread.begun = true;
      setcontext(&thread.entry);
    }
    current = nullptr;
    if (++thread.steps == thread.party.dies_after) thread.over = true;
  }

  bool next() {
    path_.resize(at_);
    while (!path_.empty() && path_.back().taken + 1 == path_.back().of) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

  const Model& model_;
  int preemptions_;
  std::vector<Thread> threads_;
  std::vector<Choice> path_;
  std::size_t at_ = 0;
};

}  // namespace

void stop_here() {
  if (current != nullptr && _setjmp(current->stopped) == 0) _longjmp(explorer, 1);
}

std::uint64_t explore(const Model& model, int preemptions) { return Explorer(model, preemptions).run_all(); }

std::uint64_t explore_deaths(int turns, int parties,
                             const std::function<std::uint64_t(int, int, int)>& try_one) {
  constexpr int accesses = 12;
  std::uint64_t runs = 0;
  for (int turn = 0; turn < turns; ++turn) {
    for (int victim = -1; victim < parties; ++victim) {
      for (int after = victim < 0 ? -1 : 0; after <= (victim < 0 ? -1 : accesses); ++after) {
        runs += try_one(turn, victim, after);
        if (testing::Test::HasFatalFailure()) {
          std::printf("turns %d, victim %d after %d accesses\n", turn, victim, after);
          return runs;
        }
      }
    }
  }
  std::printf("%llu runs\n", static_cast<unsigned long long>(runs));
  return runs;
}

}  // namespace model
