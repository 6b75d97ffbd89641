#pragma once
// Shared objects that a message names. While it lies in this process's own memory this process holds each of
// them, once for each time that it is named; whoever decodes the message holds what it takes for itself.

#include <brood/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace brood::detail {

using Names = std::vector<std::uint64_t>;

/// What holds them: set once, by whoever owns the objects. hold may throw, DecodeError or for want of memory.
struct NameBook {
  void (*hold)(std::uint64_t object);
  void (*let_go)(std::uint64_t object) noexcept;
};
void set_name_book(NameBook book);

/// All or none.
void hold_names(std::span<const std::uint64_t> names);
void let_go_names(std::span<const std::uint64_t> names) noexcept;

/// Held for as long as this lives.
class HeldNames {
 public:
  HeldNames() = default;
  /// They have been held.
  explicit HeldNames(Names held) : names_(std::move(held)) {}
  HeldNames(HeldNames&& other) noexcept : names_(std::exchange(other.names_, {})) {}
  HeldNames& operator=(HeldNames&& other) noexcept {
    names_.swap(other.names_);
    return *this;
  }
  ~HeldNames() {
    if (!names_.empty()) let_go();
  }
  /// Holds them.
  static HeldNames of(Names names);

  bool empty() const { return names_.empty(); }
  const Names& names() const { return names_; }
  /// They are the caller's to let go of.
  Names take() { return std::exchange(names_, {}); }
  void add(HeldNames more);

 private:
  void let_go() noexcept;

  Names names_;
};

// Where only bytes travel, the names lie behind the bytes of the value.
inline std::size_t size_of_names(std::size_t n) { return n * sizeof(std::uint64_t); }
void write_names(Writer& to, const Names& names);
Names names_behind(const std::byte* end_of_value, std::size_t n);

}  // namespace brood::detail
