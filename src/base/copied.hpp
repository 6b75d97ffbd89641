#pragma once
// What another process can write at any time is copied first, then checked: never the same place read twice.

#include <type_traits>

namespace brood {

/// The value as it is now, read once whatever the compiler would rather do.
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
T copied(const T& shared) {
  return *const_cast<const volatile T*>(&shared);
}

}  // namespace brood
