#pragma once
// What the kernel counts for this process and for all that it starts from then on: system calls, switches,
// processor time. No brood.

#include <cstdint>
#include <string>

namespace counting {

enum class What { system_calls, switches, nanoseconds };
enum class Whose { family, thread };  // family: this thread and whatever it starts, threads and processes

/// Where the kernel lets nobody count, counts() is false. System calls need root (tracefs, perf).
class Counter {
 public:
  /// Before what shall be counted is started.
  Counter(What what, Whose whose);
  ~Counter();
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  bool counts() const { return descriptor_ >= 0; }
  /// Why not, as a sentence.
  const std::string& why_not() const { return why_not_; }
  /// Since it was made; 0 where it does not count.
  std::uint64_t value() const;

 private:
  int descriptor_ = -1;
  std::string why_not_;
};

/// Page faults of this process that needed no reading (getrusage).
std::uint64_t page_faults();

}  // namespace counting
