#pragma once
/// Shared<T>: a large constant value, sent once and used by many calls.
///
///   double score(int row, const Matrix& matrix);
///
///   const brood::Shared<Matrix> matrix(read_matrix("m.bin"));
///   std::vector<double> all = pool.map(score, rows, matrix);     // each worker decodes it once
///
/// The value is encoded once, into shared memory, and each process that receives it decodes it on first use;
/// later calls in that process reuse the decoded value. A function takes it as `const Matrix&` or as
/// `const brood::Shared<Matrix>&`. The value cannot be changed.
///
/// The encoded bytes are freed with the last Shared that refers to them in any process. A receiving process
/// keeps the four most recently decoded values of each type, and any that are still in use. Copies are cheap;
/// any thread may make them. To share bytes that are written to, or that need no decoding, use SharedBlock.

#include <array>
#include <brood/detail/callable.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/shared_block.hpp>
#include <cstdint>
#include <utility>

namespace brood {

namespace detail {

/// Returns a number that no other call in any process has returned.
std::uint64_t new_shared_number();
[[noreturn]] void refuse_shared_names();

/// The values of type T that this process has decoded most recently.
template <class T>
class SharedValues {
 public:
  template <class Decode>
  static std::shared_ptr<const T> get(std::uint64_t number, Decode decode) {
    const std::lock_guard lock(mutex_);
    for (const auto& each : values_) {
      // An unused entry has no value; a corrupt message may hold any number.
      if (each.value && each.number == number) return each.value;
    }
    auto value = std::make_shared<const T>(decode());
    values_[next_++ % values_.size()] = {number, value};
    return value;
  }

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::shared_ptr<const T> value;
  };
  inline static std::mutex mutex_;
  inline static std::array<Entry, 4> values_;
  inline static std::size_t next_ = 0;
};

}  // namespace detail

/// A constant value, encoded once into shared memory; see the top of this file. Copies refer to the same
/// value.
template <class T>
class Shared {
 public:
  /// Encodes the value into shared memory. Throws NoMemory, and UsageError when the value holds queues, locks
  /// or blocks: pass those as separate arguments.
  explicit Shared(T value) : value_(std::make_shared<const T>(std::move(value))) {
    static_assert(detail::travels<T>);
    Writer measure(nullptr, 0);
    detail::encode<T>(measure, *value_);
    if (!measure.handles().empty()) detail::refuse_shared_names();
    const auto number = detail::new_shared_number();
    block_ = SharedBlock(sizeof number + measure.written());
    Writer to(block_.data(), block_.size());
    to.value(number);
    detail::encode<T>(to, *value_);
  }

  /// The value; the reference is valid as long as this Shared or a copy of it lives.
  const T& operator*() const { return *value_; }
  /// The value's members: `matrix->rows()`.
  const T* operator->() const { return value_.get(); }
  /// The value, where a T is expected.
  operator const T&() const { return *value_; }

 private:
  friend struct Codec<Shared<T>>;
  Shared() = default;
  // Only the codec reads what another process wrote.
  static Shared received(SharedBlock block) {
    Shared shared;
    shared.block_ = std::move(block);
    Reader from(shared.block_.data(), shared.block_.size());
    const auto number = from.value<std::uint64_t>();
    shared.value_ = detail::SharedValues<T>::get(number, [&] {
      T value = detail::decode<T>(from);
      from.end();
      return value;
    });
    return shared;
  }

  std::shared_ptr<const T> value_;
  SharedBlock block_;
};

namespace detail {
template <class T>
inline constexpr bool is_handle<Shared<T>> = true;
}  // namespace detail

/// A Shared travels as the number of its block in the arena; the message keeps the block alive.
template <class T>
struct Codec<Shared<T>> {
  /// Writes the block's number; the message counts as a holder of the block.
  static void encode(Writer& to, const Shared<T>& shared) { to.value(shared.block_); }
  /// Returns the value, decoding it unless this process still has it decoded. Throws DecodeError.
  static Shared<T> decode(Reader& from) { return Shared<T>::received(from.value<SharedBlock>()); }
};

namespace detail {
template <class T>
struct StoredAs<Shared<T>, T> : std::type_identity<Shared<T>> {};
}  // namespace detail

}  // namespace brood
