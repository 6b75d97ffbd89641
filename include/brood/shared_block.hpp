#pragma once
/// SharedBlock: memory that processes share, by a handle. What one writes the others see; nothing is copied.
///
///   void fill(brood::SharedBlock block) { block.as<double>()[0] = 1.5; }
///
///   brood::SharedBlock block(1 << 20);
///   pool.apply(fill, block);
///   block.as<double>()[0];   // 1.5
///
/// Handles travel as arguments, as results and through queues. The memory is given back when the last handle
/// of it, in any process, is gone, whoever was killed meanwhile; an address that data() gave is good as long
/// as this process has a handle. Who writes when is the users' business: an ended task, a received value, a
/// joined process are seen with all they wrote. Any thread may copy handles; one handle is one thread's at a
/// time. Making one costs some microseconds and, at the first use of its memory, what the system takes for
/// fresh pages; memory that was used before is handed out again.

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
  /// No block: size() is 0, and it travels.
  SharedBlock() = default;
  /// So many bytes, whose values are not specified. Throws NoMemory.
  explicit SharedBlock(std::size_t bytes);
  /// Another handle of the same memory.
  SharedBlock(const SharedBlock& other);
  /// The other one has no block then.
  SharedBlock(SharedBlock&& other) noexcept;
  /// As the constructors.
  SharedBlock& operator=(SharedBlock other) noexcept;
  ~SharedBlock();

  /// Its first byte, at a multiple of 64; null without a block.
  std::byte* data() const { return data_; }
  /// As it was made with.
  std::size_t size() const { return size_; }
  /// There is a block.
  explicit operator bool() const { return data_ != nullptr; }
  /// The whole of it as bytes.
  std::span<std::byte> bytes() const { return {data_, size_}; }
  /// The whole of it as values of T: UsageError when its size is no multiple of theirs.
  template <class T>
  std::span<T> as() const {
    static_assert(std::is_trivially_copyable_v<T>, "brood: only what can be copied as bytes can be shared");
    static_assert(alignof(T) <= 64);
    if (size_ % sizeof(T) != 0) no_whole_number(sizeof(T));
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }

  /// Both are handles of the same memory.
  friend bool operator==(const SharedBlock& a, const SharedBlock& b) { return a.object_ == b.object_; }

 private:
  friend struct Codec<SharedBlock>;
  void find();
  [[noreturn]] void no_whole_number(std::size_t of_size) const;

  std::uint64_t object_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

template <>
inline constexpr bool detail::is_handle<SharedBlock> = true;

/// A block travels as the number of its place; the message keeps it alive.
template <>
struct Codec<SharedBlock> {
  /// Writes the place; the message counts as a holder.
  static void encode(Writer& to, const SharedBlock& block);
  /// A handle of the same memory. Throws DecodeError when there is none there.
  static SharedBlock decode(Reader& from);
};

}  // namespace brood
