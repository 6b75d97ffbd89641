#pragma once
// All interleavings of a few parties, one shared access at a time: a model is run again and again, each time
// with another order, until there is none left. Whatever stops the parties is here; what they do is the
// test's, or the code that is tested, with Word for an atomic word.

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

namespace model {

/// Hands the processor back before each access to shared memory; outside of a run it does nothing.
void stop_here();

/// A word as std::atomic<std::uint64_t>, in one order for all, which is what the code under test asks for
/// wherever it decides anything.
class Word {
 public:
  explicit Word(std::uint64_t value = 0) : value_(value) {}
  std::uint64_t load(std::memory_order = std::memory_order_seq_cst) const {
    stop_here();
    return value_;
  }
  void store(std::uint64_t value, std::memory_order = std::memory_order_seq_cst) {
    stop_here();
    value_ = value;
  }
  bool compare_exchange_strong(std::uint64_t& expected, std::uint64_t value) {
    stop_here();
    if (value_ != expected) {
      expected = value_;
      return false;
    }
    value_ = value;
    return true;
  }

 private:
  std::uint64_t value_;
};

struct Party {
  std::function<void()> work;
  int dies_after = -1;  // so many accesses; -1: it lives
};

/// One model: fresh parties for each run, then what is looked at when all have ended or died.
struct Model {
  std::function<std::vector<Party>()> parties;
  std::function<void()> judge;
};

/// Runs it in every order with at most so many preemptions (a party that could go on is made to wait); -1: in
/// every order. Returns how many there were.
std::uint64_t explore(const Model& model, int preemptions = -1);

/// Every turn of the cursors, nobody dying, then each of the parties dying before each of its first accesses:
/// try_one(turns, victim, after), -1 for nobody, returns what explore did. Stops, and says where, at a
/// failure. Returns how many runs there were, and says so.
std::uint64_t explore_deaths(int turns, int parties,
                             const std::function<std::uint64_t(int, int, int)>& try_one);

}  // namespace model
