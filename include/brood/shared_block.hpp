#pragma once
/// SharedBlock: a handle of memory that processes share. Each sees what the others write; nothing is copied.
///
///   void fill(brood::SharedBlock block) { block.as<double>()[0] = 1.5; }
///
///   brood::SharedBlock block(1 << 20);
///   pool.apply(fill, block);
///   block.as<double>()[0];   // 1.5
///
/// Handles travel as arguments, as results and through queues. The memory is freed when its last handle in
/// any process is destroyed, even when processes holding handles are killed; an address returned by data() is
/// valid as long as this process has a handle. Synchronising reads and writes is up to you: when a task has
/// ended, a value has been received, or a process has been joined, everything written before is visible. Any
/// thread may copy handles; a single handle may be used by one thread at a time. Making a block costs some
/// microseconds and, on first use of its memory, the system's time for fresh pages; memory that was used
/// before is recycled.

#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

namespace brood {

class SharedBlock {
 public:
  /// Makes a handle without a block: size() is 0. It can travel.
  SharedBlock() = default;
  /// Allocates a block of `bytes` bytes with unspecified values. Throws NoMemory.
  explicit SharedBlock(std::size_t bytes);
  /// Makes another handle of the block of `other`.
  SharedBlock(const SharedBlock& other);
  /// Takes over the handle of `other`, which then has no block.
  SharedBlock(SharedBlock&& other) noexcept;
  /// Makes this a handle of the block of `other`, copied or moved; the block that it referred to before is
  /// released.
  SharedBlock& operator=(SharedBlock other) noexcept;
  ~SharedBlock();

  /// The block's first byte, aligned to 64 bytes; null without a block.
  std::byte* data() const { return data_; }
  /// The size in bytes that the block was made with; 0 without a block.
  std::size_t size() const { return size_; }
  /// True when there is a block.
  explicit operator bool() const { return data_ != nullptr; }
  /// The whole block as bytes.
  std::span<std::byte> bytes() const { return {data_, size_}; }
  /// The whole block as values of T. Throws UsageError when the block's size is not a multiple of sizeof(T).
  template <class T>
  std::span<T> as() const {
    static_assert(std::is_trivially_copyable_v<T>, "brood: only what can be copied as bytes can be shared");
    static_assert(alignof(T) <= 64);
    if (size_ % sizeof(T) != 0) no_whole_number(sizeof(T));
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }

  /// True when both are handles of the same block.
  friend bool operator==(const SharedBlock& a, const SharedBlock& b) { return a.object_ == b.object_; }

 private:
  friend struct Codec<SharedBlock>;
  void find();
  [[noreturn]] void no_whole_number(std::size_t of_size) const;

  std::uint64_t object_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

namespace detail {
template <>
inline constexpr bool is_handle<SharedBlock> = true;
}  // namespace detail

/// A block handle travels as the block's number in the arena; the message keeps the block alive.
template <>
struct Codec<SharedBlock> {
  /// Writes the block's number; the message counts as a holder of the block.
  static void encode(Writer& to, const SharedBlock& block);
  /// Makes a handle of the block named in the message. Throws DecodeError when there is no such block.
  static SharedBlock decode(Reader& from);
};

}  // namespace brood
