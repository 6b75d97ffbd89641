#include "platform/waits.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "platform/linux/wait_table.hpp"

namespace brood::platform {
namespace {

constinit WaitTable* table = nullptr;
constinit thread_local WaitNote* outermost = nullptr;

std::int64_t now_in_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Its owner was killed, and nobody was there to forget it: a parent that ended at the same time.
bool is_abandoned(std::uint32_t pid) { return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH; }

WaitEntry* take(WaitTable& all, std::uint32_t pid, bool also_abandoned) {
  for (std::uint32_t i = 0; i < WaitTable::most; ++i) {
    auto& entry = all.entries[i];
    std::uint32_t owner = entry.pid.load(std::memory_order_relaxed);
    if (owner != 0 && !(also_abandoned && is_abandoned(owner))) continue;
    if (!entry.pid.compare_exchange_strong(owner, pid)) continue;
    auto seen = all.used.load(std::memory_order_relaxed);
    while (seen <= i && !all.used.compare_exchange_weak(seen, i + 1)) {
    }
    return &entry;
  }
  return nullptr;
}

}  // namespace

const WaitTable* wait_table() { return table; }

// Each is written only when it changes: in a child a page is copied as soon as it is written to.
void note_waits_in(WaitTable* there) {
  if (table != there) table = there;
  // A copy made in the middle of a wait, by a callback, does not wait itself.
  if (outermost != nullptr) outermost = nullptr;
}

void forget_waits_of(Pid ended) {
  if (table == nullptr) return;
  const auto used = std::min(table->used.load(std::memory_order_relaxed), WaitTable::most);
  for (std::uint32_t i = 0; i < used; ++i) {
    auto& entry = table->entries[i];
    auto owner = static_cast<std::uint32_t>(ended);
    if (entry.pid.load(std::memory_order_relaxed) != owner) continue;
    entry.size.store(0);
    entry.pid.compare_exchange_strong(owner, 0);
  }
}

WaitText& WaitText::operator<<(std::string_view text) {
  const auto n = std::min(text.size(), characters_.size() - size_);
  std::memcpy(characters_.data() + size_, text.data(), n);
  size_ += n;
  return *this;
}
WaitText& WaitText::operator<<(std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
}

void WaitNote::begin() {
  if (outermost != nullptr) return;
  outermost = this;
  is_outermost_ = true;
}

std::chrono::nanoseconds WaitNote::patience() {
  begin();
  return outermost->tick(false);
}
void WaitNote::now() {
  begin();
  if (is_outermost_) tick(true);
}

std::chrono::nanoseconds WaitNote::tick(bool at_once) {
  constexpr std::int64_t wait = std::chrono::nanoseconds(delay).count();
  const auto now = now_in_nanoseconds();
  if (since_ == 0) since_ = written_ = now;
  const auto left = wait - (now - written_);
  if (left > 0 && !at_once) return std::chrono::nanoseconds(left);
  written_ = now;
  write();
  return std::chrono::nanoseconds::max();
}

void WaitNote::write() {
  if (table == nullptr) return;
  WaitText text;
  try {
    describe_(text);
  } catch (...) {  // no memory, or what it tells of is gone: as far as it came
  }
  if (text.text().empty()) return;
  const auto self = static_cast<std::uint32_t>(getpid());
  if (entry_ == nullptr) {
    entry_ = take(*table, self, false);
    if (entry_ == nullptr) entry_ = take(*table, self, true);
    if (entry_ == nullptr) {
      table->refused.store(1, std::memory_order_relaxed);
      return;
    }
  }
  const auto size = std::min(text.text().size(), WaitEntry::most_text);
  entry_->size.store(0, std::memory_order_relaxed);
  entry_->thread.store(static_cast<std::uint32_t>(syscall(SYS_gettid)), std::memory_order_relaxed);
  entry_->idle.store(static_cast<std::uint32_t>(kind_), std::memory_order_relaxed);
  entry_->since.store(static_cast<std::uint64_t>(since_), std::memory_order_relaxed);
  std::memcpy(entry_->text.data(), text.text().data(), size);
  entry_->size.store(static_cast<std::uint32_t>(size), std::memory_order_release);
}

void WaitNote::end() {
  outermost = nullptr;
  is_outermost_ = false;
  if (entry_ == nullptr) return;
  auto owner = static_cast<std::uint32_t>(getpid());
  entry_->size.store(0, std::memory_order_relaxed);
  std::exchange(entry_, nullptr)->pid.compare_exchange_strong(owner, 0);
}

}  // namespace brood::platform
