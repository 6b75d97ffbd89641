#pragma once
// An object made at first use and never destroyed, because it is used until the very end. It needs no
// allocation, which could fail then.

#include <cstddef>
#include <new>

namespace brood {

template <class T>
class Immortal {
 public:
  Immortal() { new (room_) T{}; }
  T& operator*() { return *std::launder(reinterpret_cast<T*>(room_)); }

 private:
  alignas(T) std::byte room_[sizeof(T)];
};

}  // namespace brood
