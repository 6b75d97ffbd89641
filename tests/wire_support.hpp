#pragma once
// Values to bytes and back, as tests do it.

#include <brood/codec.hpp>
#include <vector>

namespace wire_support {

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  brood::Writer measure(nullptr, 0);
  measure.value(value);
  std::vector<std::byte> bytes(measure.written());
  brood::Writer writer(bytes.data(), bytes.size());
  writer.value(value);
  if (!writer.fits() || writer.written() != bytes.size()) throw std::logic_error("two sizes for one value");
  return bytes;
}

template <class T>
T value_of(const std::vector<std::byte>& bytes) {
  return brood::detail::decode_all<T>(bytes.data(), bytes.size());
}

template <class T>
T there_and_back(const T& value) {
  return value_of<T>(bytes_of(value));
}

}  // namespace wire_support
