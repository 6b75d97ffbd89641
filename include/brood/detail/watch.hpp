#pragma once
// Waiting for any of many futures, without looking at all of them each time: whoever finishes a record tells
// those that watch it.

#include <brood/detail/record.hpp>
#include <cstddef>
#include <vector>

namespace brood::detail {

class Watch;

/// That a Watch watches a record.
struct WatchEntry {
  Watch* watch = nullptr;
  Record* record = nullptr;
  WatchEntry* next = nullptr;  // of the same record
};

/// Watches records from now on, until it is destroyed. One thread's; any thread may finish the records
/// meanwhile. Several may watch one record.
class Watch {
 public:
  static constexpr std::size_t none = ~std::size_t{0};

  /// Those that have ended already are the first to be taken, in their order.
  explicit Watch(const std::vector<Record*>& records);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The place of one that has ended and was not taken before, or `none`.
  std::size_t take();
  /// take() would not give `none`. By any thread.
  bool has_some() const { return ended_count_.load(std::memory_order_acquire) != 0; }
  /// Until take() gives one, also where there is none to wait for; false when the deadline has passed before.
  bool wait(Deadline until);

 private:
  friend void tell_watches(Record& record);
  void enlist(WatchEntry& entry);

  // The lists that begin in the records, `ended_`, and what is in the entries: guarded by one mutex for all.
  std::vector<WatchEntry> entries_;
  std::vector<std::size_t> ended_;
  std::atomic<std::size_t> ended_count_{0};  // ended_.size()
  std::vector<std::size_t> taken_;           // of ended_, to be given one by one; of the thread that watches
  std::size_t given_ = 0;
  std::vector<TaskSource*> sources_;
};

/// As forget_records.
void forget_watches();

}  // namespace brood::detail
