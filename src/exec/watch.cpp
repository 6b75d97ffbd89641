#include <algorithm>
#include <brood/detail/watch.hpp>
#include <mutex>
#include <utility>

#include "base/immortal.hpp"

namespace brood::detail {

namespace {

std::mutex& watches() {
  static Immortal<std::mutex> it;
  return *it;
}

// The most entries handled under one hold of the lock, which bounds how long finishing a watched record
// waits.
constexpr std::size_t at_once = 256;
// No source wakes a waiter for another source's records, so different sources are asked in turn.
constexpr auto turn = std::chrono::milliseconds(1);

}  // namespace

// The record may have been recycled since it ended, so the notification may be wrong: take() checks again.
void tell_watches(Record& record) {
  const std::lock_guard lock(watches());
  for (auto* entry = std::exchange(record.watch, nullptr); entry != nullptr;) {
    auto* const next = std::exchange(entry->next, nullptr);
    Watch& watch = *entry->watch;
    watch.ended_.push_back(static_cast<std::size_t>(entry - watch.entries_.data()));  // there is room
    watch.ended_count_.store(watch.ended_.size(), std::memory_order_release);
    entry = next;
  }
}

Watch::Watch(const std::vector<Record*>& records) : entries_(records.size()) {
  ended_.reserve(records.size());
  taken_.reserve(records.size());
  for (std::size_t i = 0; i < records.size();) {
    const std::lock_guard lock(watches());
    for (const auto end = std::min(records.size(), i + at_once); i < end; ++i) {
      entries_[i] = {this, records[i], nullptr};
      enlist(entries_[i]);
      TaskSource* const source = records[i]->source;
      if (std::ranges::find(sources_, source) == sources_.end()) sources_.push_back(source);
    }
  }
}

// Requires the lock. A thread that ends the record from here on sees the mark, and notifies.
void Watch::enlist(WatchEntry& entry) {
  Record& record = *entry.record;
  if ((record.word.fetch_or(Record::watched, std::memory_order_acq_rel) & Record::done) != 0) {
    ended_.push_back(static_cast<std::size_t>(&entry - entries_.data()));
    ended_count_.store(ended_.size(), std::memory_order_release);
  } else {
    entry.next = std::exchange(record.watch, &entry);
  }
}

Watch::~Watch() {
  if (!entries_.empty() && !entries_.front().record->is_of_this_process()) return;
  for (std::size_t i = 0; i < entries_.size();) {
    const std::lock_guard lock(watches());
    for (const auto end = std::min(entries_.size(), i + at_once); i < end; ++i) {
      WatchEntry& entry = entries_[i];
      for (auto** at = &entry.record->watch; *at != nullptr; at = &(*at)->next) {
        if (*at != &entry) continue;
        *at = entry.next;
        break;
      }
    }
  }
}

std::size_t Watch::take() {
  for (;;) {
    if (given_ == taken_.size()) {
      taken_.clear();
      given_ = 0;
      const std::lock_guard lock(watches());
      taken_.swap(ended_);
      ended_count_.store(0, std::memory_order_release);
      if (taken_.empty()) return none;
    }
    const auto place = taken_[given_++];
    if (entries_[place].record->is_done()) return place;
    const std::lock_guard lock(watches());
    enlist(entries_[place]);
  }
}

void forget_watches() { new (&watches()) std::mutex; }

bool Watch::wait(Deadline until) {
  if (given_ != taken_.size() || has_some() || sources_.empty()) return true;
  if (sources_.size() == 1) return sources_.front()->wait_any(*this, until);
  for (;;) {
    for (auto* source : sources_) {
      if (source->wait_any(*this, until.at_most(turn))) return true;
    }
    if (until.passed()) return false;
  }
}

}  // namespace brood::detail
