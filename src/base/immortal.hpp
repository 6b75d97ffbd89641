#pragma once
// What is made at its first use and never destroyed, for it is used until the very end; and it takes no
// memory that could be refused then.

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
