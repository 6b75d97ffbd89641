#include <brood/codec.hpp>

namespace brood {

void Writer::Level::too_deep() {
  throw UsageError("a value nests deeper than " + std::to_string(max_depth) +
                   " levels and cannot travel; send it in a flat form, a vector of nodes for instance");
}

void Reader::Level::too_deep() {
  throw DecodeError("a message nests deeper than " + std::to_string(max_depth) +
                    " levels; it was not decoded");
}

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

}  // namespace detail

}  // namespace brood
