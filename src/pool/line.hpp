#pragma once
// The parts of a queue of waiting tasks, a Line. It may hold hundreds of thousands of tasks, and faulting in
// fresh memory page by page costs more than the tasks themselves. So the bytes of a small call are stored
// inline, and the pieces of a Line come from memory that is faulted in in bulk and stays with the pool.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::pool {

/// The bytes of a call, or none.
class CallBytes {
 public:
  CallBytes() = default;
  CallBytes(CallBytes&& other) noexcept { *this = std::move(other); }
  CallBytes& operator=(CallBytes&& other) noexcept {
    small_ = other.small_;
    large_ = std::move(other.large_);
    there_ = std::exchange(other.there_, false);
    return *this;
  }

  /// Makes room for n bytes and returns where to write them. Throws std::bad_alloc.
  std::byte* make(std::size_t n) {
    large_ = n > small_.size() ? std::make_unique_for_overwrite<std::byte[]>(n) : nullptr;
    there_ = true;
    return large_ ? large_.get() : small_.data();
  }
  void assign(const std::byte* from, std::size_t n) { std::copy_n(from, n, make(n)); }
  /// Null when there are none.
  const std::byte* data() const { return large_ ? large_.get() : there_ ? small_.data() : nullptr; }

 private:
  std::unique_ptr<std::byte[]> large_;
  std::array<std::byte, 39> small_;  // an integer or two, and the function
  bool there_ = false;
};

/// Allocates pieces of memory of one size. Callers must hold the books.
class Pieces {
 public:
  static constexpr std::size_t piece_size = 512;  // what a deque asks for

  Pieces() = default;
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces();
  void* take();  // throws std::bad_alloc
  void give_back(void* piece) noexcept { free_ = new (piece) Free{free_}; }

 private:
  struct Free {
    Free* next;
  };
  void cut(std::byte* memory, std::size_t size);

  Free* free_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> small_;
  std::vector<std::byte*> large_;  // each a large page
};

/// A standard allocator that uses such pieces.
template <class T>
class OfPieces {
 public:
  using value_type = T;

  explicit OfPieces(Pieces& pieces) : pieces_(&pieces) {}
  template <class U>
  OfPieces(const OfPieces<U>& other) : pieces_(other.pieces_) {}

  T* allocate(std::size_t n) {
    return is_piece(n) ? static_cast<T*>(pieces_->take()) : std::allocator<T>().allocate(n);
  }
  void deallocate(T* at, std::size_t n) noexcept {
    if (is_piece(n))
      pieces_->give_back(at);
    else
      std::allocator<T>().deallocate(at, n);
  }
  friend bool operator==(const OfPieces& a, const OfPieces& b) { return a.pieces_ == b.pieces_; }

 private:
  template <class U>
  friend class OfPieces;
  // The deque's table of pointers is not allocated from pieces.
  static constexpr bool is_piece([[maybe_unused]] std::size_t n) {
    if constexpr (std::is_pointer_v<T>)
      return false;
    else
      return n * sizeof(T) == Pieces::piece_size;
  }
  Pieces* pieces_;
};

}  // namespace brood::pool
