#include <brood/codec.hpp>
#include <brood/detail/names.hpp>

namespace brood {

void Writer::Level::too_deep() {
  throw UsageError("a value nests deeper than " + std::to_string(max_depth) +
                   " levels and cannot travel; send it in a flat form, a vector of nodes for instance");
}

void Reader::Level::too_deep() {
  throw DecodeError("a message nests deeper than " + std::to_string(max_depth) +
                    " levels; it was not decoded");
}

void Writer::handle(std::uint64_t object) { handles_.push_back(object); }

void Reader::too_short(std::size_t wanted) const {
  throw DecodeError("a message ends early: " + std::to_string(wanted) + " bytes expected, " +
                    std::to_string(left()) + " left; both ends must use the same type");
}

void Reader::too_long(std::uint64_t claimed) const {
  throw DecodeError("a message claims a sequence of " + std::to_string(claimed) + " elements, but only " +
                    std::to_string(left()) + " bytes are left");
}

void Reader::trailing(std::size_t n) {
  throw DecodeError("a message has " + std::to_string(n) +
                    " bytes too many; both ends must use the same type");
}

namespace detail {

void bad_value(const char* type) { throw DecodeError(std::string("a message holds an impossible ") + type); }

namespace {
NameBook book{};
}

void set_name_book(NameBook now) { book = now; }

void hold_names(std::span<const std::uint64_t> names) {
  std::size_t n = 0;
  try {
    for (; n < names.size(); ++n) book.hold(names[n]);
  } catch (...) {
    let_go_names(names.first(n));
    throw;
  }
}

void let_go_names(std::span<const std::uint64_t> names) noexcept {
  for (const auto object : names) book.let_go(object);
}

HeldNames HeldNames::of(Names names) {
  hold_names(names);
  return HeldNames(std::move(names));
}

void HeldNames::add(HeldNames more) {
  names_.insert(names_.end(), more.names_.begin(), more.names_.end());
  more.names_.clear();
}

void HeldNames::let_go() noexcept { let_go_names(names_); }

void write_names(Writer& to, const Names& names) { to.bytes(names.data(), size_of_names(names.size())); }

Names names_behind(const std::byte* end_of_value, std::size_t n) {
  Names names(n);
  if (n != 0) std::memcpy(names.data(), end_of_value, size_of_names(n));
  return names;
}

}  // namespace detail

}  // namespace brood
