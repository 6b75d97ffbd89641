#pragma once
// Shared objects that a message names. The message holds one reference of each, until a codec takes it over
// where the message is decoded; what nobody took is given back.

#include <brood/bytes.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace brood::detail {

using Names = std::vector<std::uint64_t>;

/// What counts them: set once, by whoever owns the objects. Neither throws.
struct NameBook {
  void (*count)(std::uint64_t object);
  void (*give_back)(std::uint64_t object);
};
void set_name_book(NameBook book);

void count_names(std::span<const std::uint64_t> names);
void give_names_back(std::span<const std::uint64_t> names);

/// What Reader::tell_handles has said: so many are taken over; but where it is not sure, the last of them may
/// be or not.
struct Taken {
  std::size_t n;
  bool sure;
  explicit Taken(std::uint32_t told) : n((std::size_t{told} + 1) / 2), sure(told % 2 == 0) {}
};

/// Once a message has been decoded, or has failed to be: gives back what nobody took over.
struct GiveBackRest {
  const Names& names;
  const Reader& reader;
  ~GiveBackRest() {
    const std::size_t taken = reader.handles_taken();
    if (taken >= names.size()) return;
    reader.tell_all_handles(names.size());
    give_names_back(std::span(names).subspan(taken));
  }
};

// Where only bytes travel, the names lie behind the bytes of the value.
inline std::size_t size_of_names(std::size_t n) { return n * sizeof(std::uint64_t); }
void write_names(Writer& to, const Names& names);
Names names_behind(const std::byte* end_of_value, std::size_t n);

}  // namespace brood::detail
