#pragma once
/// Writer and Reader: the two ends of a message, as codecs see them. <brood/codec.hpp> says when you need
/// them.
///
/// You can test a codec of your own without starting a process:
///
///   std::byte room[4096];
///   brood::Writer to(room, sizeof room);
///   to.value(polygon);
///   brood::Reader from(room, to.written());
///   assert(from.value<Polygon>() == polygon);
///   from.end();                                                // nothing is left over
///
/// Numbers travel in their in-memory representation: both ends are processes of one program on one machine.

#include <brood/errors.hpp>
#include <brood/timeout.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace brood {

/// Specialise to make a type travel: `static void encode(Writer&, const T&)` and `static T decode(Reader&)`;
/// an example is in <brood/codec.hpp>. encode may be called twice for one value and must write the same bytes
/// both times; an exception thrown by decode reaches the receiver. A Codec takes precedence over brood's
/// built-in encoding of the type.
template <class T>
struct Codec;

/// Specialise as true for a trivially copyable type that brood cannot take apart by itself: it then travels
/// as its bytes. The type must hold no pointers; brood relies on you for that and cannot check it.
template <class T>
inline constexpr bool bitwise = false;
/// A Timeout holds one number and no pointers.
template <>
inline constexpr bool bitwise<Timeout> = true;

/// Deepest nesting of a value. Encoding or decoding anything deeper (a linked list of a million unique_ptr,
/// say) is an error.
inline constexpr int max_depth = 512;

/// Writes an encoded value into a buffer of fixed size. When the value does not fit, the Writer keeps
/// counting, so one failed attempt tells the exact size needed. brood makes Writers; codecs get a reference.
/// A Writer may be used by one thread at a time. Cost: one memcpy per call, and one for a whole vector of
/// numbers.
class Writer {
 public:
  /// Writes into the `capacity` bytes at `to`, which must outlive the Writer. With a capacity of 0 it only
  /// counts.
  Writer(std::byte* to, std::size_t capacity) : begin_(to), at_(to), end_(to + capacity) {}
  /// Writes into a span, which must outlive the Writer.
  explicit Writer(std::span<std::byte> to) : Writer(to.data(), to.size()) {}

  /// Appends n raw bytes.
  void bytes(const void* from, std::size_t n) {
    if (n <= static_cast<std::size_t>(end_ - at_)) {
      if (n != 0) std::memcpy(at_, from, n);
      at_ += n;
    } else {
      overflow(n);
    }
  }

  /// Appends any value that can travel. Throws UsageError when it nests deeper than max_depth, and whatever
  /// its codec throws.
  template <class T>
  void value(const T& v);

  /// Appends the length of a sequence, always in eight bytes. Reader::size reads it.
  void size(std::size_t n) {
    const std::uint64_t wide = n;
    bytes(&wide, sizeof wide);
  }

  /// Bytes written so far, including those that did not fit.
  std::size_t written() const { return static_cast<std::size_t>(at_ - begin_) + extra_; }
  /// True when everything fit. Otherwise the buffer holds only a beginning: try again with written() bytes.
  bool fits() const { return extra_ == 0; }

  /// For codecs of handles: records that the value names a shared object. While the message is in transit,
  /// the message or its sender holds a reference to the object; the receiver acquires its own on decoding.
  void handle(std::uint64_t object);
  /// The objects recorded with handle(), each as often as it was recorded.
  const std::vector<std::uint64_t>& handles() const { return handles_; }

  /// Guards recursion in the codecs of types that can nest without bound: begin encode with
  /// `Writer::Level level(to);`.
  class Level {
   public:
    /// Adds one level of nesting until destroyed. Throws UsageError beyond max_depth.
    explicit Level(Writer& w) : w_(w) {
      if (++w_.depth_ > max_depth) {
        --w_.depth_;
        too_deep();
      }
    }
    ~Level() { --w_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    [[noreturn]] static void too_deep();
    Writer& w_;
  };

 private:
  void overflow(std::size_t n) {
    extra_ += n;
    end_ = at_;  // from now on nothing fits, so nothing is written after a gap
  }

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::size_t extra_ = 0;
  int depth_ = 0;
  std::vector<std::uint64_t> handles_;
};

/// Reads an encoded value, checking every length against the bytes left before anything is built. Malformed
/// input throws DecodeError. A Reader may be used by one thread at a time. Cost: a comparison and a memcpy
/// per call.
class Reader {
 public:
  /// Reads the n bytes at `from`, which must outlive the Reader.
  Reader(const std::byte* from, std::size_t n) : at_(from), end_(from + n) {}
  /// Reads a span, which must outlive the Reader.
  explicit Reader(std::span<const std::byte> from) : Reader(from.data(), from.size()) {}

  /// Copies the next n bytes. Throws DecodeError when fewer are left.
  void bytes(void* to, std::size_t n) {
    if (n > left()) too_short(n);
    if (n != 0) std::memcpy(to, at_, n);
    at_ += n;
  }

  /// Returns the next n bytes in place, without a copy; they live as long as the message. Another process may
  /// still be able to write to a large message, so copy out (with bytes()) anything you base a decision on
  /// before you check it. Throws DecodeError when fewer than n bytes are left.
  const std::byte* view(std::size_t n) {
    if (n > left()) too_short(n);
    const std::byte* here = at_;
    at_ += n;
    return here;
  }

  /// Returns the next value, of type T. Throws DecodeError when the bytes are not a valid T or nest deeper
  /// than max_depth.
  template <class T>
  T value();

  /// Returns the length of a sequence whose elements take at least `each` bytes. Throws DecodeError for a
  /// length that the bytes left cannot hold, so a false length never causes an allocation.
  std::size_t size(std::size_t each = 1) {
    std::uint64_t n;
    bytes(&n, sizeof n);
    if (each != 0 && n > left() / each) too_long(n);
    return static_cast<std::size_t>(n);
  }

  /// Bytes not yet read.
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// Throws DecodeError unless every byte has been read.
  void end() const {
    if (at_ != end_) trailing(left());
  }

  /// Guards recursion, like Writer::Level: begin decode with `Reader::Level level(from);`.
  class Level {
   public:
    /// Adds one level of nesting until destroyed. Throws DecodeError beyond max_depth.
    explicit Level(Reader& r) : r_(r) {
      if (++r_.depth_ > max_depth) {
        --r_.depth_;
        too_deep();
      }
    }
    ~Level() { --r_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    [[noreturn]] static void too_deep();
    Reader& r_;
  };

 private:
  [[noreturn]] void too_short(std::size_t wanted) const;
  [[noreturn]] void too_long(std::uint64_t claimed) const;
  [[noreturn]] static void trailing(std::size_t n);

  const std::byte* at_;
  const std::byte* end_;
  int depth_ = 0;
};

}  // namespace brood
