#pragma once
// Shared objects that a message names. While the message is in this process's own memory, this process holds
// a reference to each named object, once per occurrence; a process that decodes the message acquires its own.

#include <brood/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace brood::detail {

using Names = std::vector<std::uint64_t>;

/// The functions that acquire and release references: set once, by the code that manages the objects. hold
/// may throw DecodeError, or for lack of memory.
struct NameBook {
  void (*hold)(std::uint64_t object);
  void (*let_go)(std::uint64_t object) noexcept;
};
void set_name_book(NameBook book);

/// Acquires all of the names or, if it throws, none.
void hold_names(std::span<const std::uint64_t> names);
void let_go_names(std::span<const std::uint64_t> names) noexcept;

/// Names that are held as long as this object lives.
class HeldNames {
 public:
  HeldNames() = default;
  /// Takes over names that are already held.
  explicit HeldNames(Names held) : names_(std::move(held)) {}
  HeldNames(HeldNames&& other) noexcept : names_(std::exchange(other.names_, {})) {}
  HeldNames& operator=(HeldNames&& other) noexcept {
    names_.swap(other.names_);
    return *this;
  }
  ~HeldNames() {
    if (!names_.empty()) let_go();
  }
  /// Acquires the names.
  static HeldNames of(Names names);

  bool empty() const { return names_.empty(); }
  const Names& names() const { return names_; }
  /// Hands the references to the caller, which must release them.
  Names take() { return std::exchange(names_, {}); }
  void add(HeldNames more);

 private:
  void let_go() noexcept;

  Names names_;
};

// If only bytes travel, the names follow the bytes of the value.
inline std::size_t size_of_names(std::size_t n) { return n * sizeof(std::uint64_t); }
void write_names(Writer& to, const Names& names);
Names names_behind(const std::byte* end_of_value, std::size_t n);

}  // namespace brood::detail
