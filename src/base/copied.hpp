#pragma once
// Memory that another process can write at any time is copied first and then checked, never read twice.

#include <type_traits>

namespace brood {

/// The current value, read exactly once: volatile keeps the compiler from reading it again.
template <class T>
  requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
T copied(const T& shared) {
  return *const_cast<const volatile T*>(&shared);
}

}  // namespace brood
