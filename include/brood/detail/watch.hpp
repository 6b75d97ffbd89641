#pragma once
// Waits for any of many futures without examining all of them each time: finishing a record notifies those
// that watch it.

#include <brood/detail/record.hpp>
#include <cstddef>
#include <vector>

namespace brood::detail {

class Watch;

/// One record watched by one Watch.
struct WatchEntry {
  Watch* watch = nullptr;
  Record* record = nullptr;
  WatchEntry* next = nullptr;  // next entry of the same record
};

/// Watches records until it is destroyed. Used by one thread; any thread may finish the records meanwhile.
/// Several Watches may watch one record.
class Watch {
 public:
  static constexpr std::size_t none = ~std::size_t{0};

  /// Watches `records`. Records that have ended already are taken first, in their order.
  explicit Watch(const std::vector<Record*>& records);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The index of a record that has ended and was not taken before, or `none`.
  std::size_t take();
  /// True when records have ended that take() has not fetched yet. Any thread may call it.
  bool has_some() const { return ended_count_.load(std::memory_order_acquire) != 0; }
  /// Waits until take() has a record to return; true at once when there is nothing to wait for, false when
  /// the deadline passes first.
  bool wait(Deadline until);

 private:
  friend void tell_watches(Record& record);
  void enlist(WatchEntry& entry);

  // One mutex for all Watches guards the lists that begin in the records, `ended_`, and the entries'
  // contents.
  std::vector<WatchEntry> entries_;
  std::vector<std::size_t> ended_;
  std::atomic<std::size_t> ended_count_{0};  // ended_.size()
  std::vector<std::size_t> taken_;           // a batch from ended_; only the watching thread uses it
  std::size_t given_ = 0;
  std::vector<TaskSource*> sources_;
};

/// Forgets all watches; see forget_records().
void forget_watches();

}  // namespace brood::detail
