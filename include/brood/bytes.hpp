#pragma once
/// The two ends of a message, as codecs see them. <brood/codec.hpp> says when you need them.
///
/// A codec of your own is tried out without any process:
///
///   std::byte room[4096];
///   brood::Writer to(room, sizeof room);
///   to.value(polygon);
///   brood::Reader from(room, to.written());
///   assert(from.value<Polygon>() == polygon);
///   from.end();                                                // nothing is left over
///
/// Numbers travel as they lie in memory: both ends are processes of one program on one machine.

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
/// an example is in <brood/codec.hpp>. encode may be called twice for one value and must write the same both
/// times; what decode throws becomes the receiver's error. A Codec goes before everything brood knows of the
/// type itself.
template <class T>
struct Codec;

/// Specialise as true for a trivially copyable type without pointers that reflection cannot see into: it
/// travels as its bytes. That it holds no pointers is your word: nothing can check it.
template <class T>
inline constexpr bool bitwise = false;
/// A number, and whether there is one.
template <>
inline constexpr bool bitwise<Timeout> = true;

/// Nesting deeper than this (a list of a million unique_ptr, say) is an error when encoding and when
/// decoding.
inline constexpr int max_depth = 512;

/// Takes bytes into memory it is given. When they do not fit it goes on counting, so one failed attempt tells
/// the exact size that the next one needs. Made by brood; codecs get a reference. One thread at a time. Cost:
/// a memcpy for each call; for a vector of numbers one for all.
class Writer {
 public:
  /// Writes to `capacity` bytes at `to`, which must outlive it. With none it only counts.
  Writer(std::byte* to, std::size_t capacity) : begin_(to), at_(to), end_(to + capacity) {}
  /// Into a span.
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

  /// Appends any value that can travel. Throws UsageError for one that nests deeper than max_depth, and what
  /// its codec throws.
  template <class T>
  void value(const T& v);

  /// Appends the length of a sequence, eight bytes whatever it is. Reader::size reads it.
  void size(std::size_t n) {
    const std::uint64_t wide = n;
    bytes(&wide, sizeof wide);
  }

  /// What was written, or would have been; in bytes.
  std::size_t written() const { return static_cast<std::size_t>(at_ - begin_) + extra_; }
  /// All of it is in the memory. When not, that holds a beginning only; try again with written() bytes.
  bool fits() const { return extra_ == 0; }

  /// For codecs of handles: notes that the value names a shared object. While the message is on its way it,
  /// or whoever sends it, holds a reference; who decodes it takes one of its own.
  void handle(std::uint64_t object);
  /// Those that were noted, each as often as it was.
  const std::vector<std::uint64_t>& handles() const { return handles_; }

  /// Guards recursion; used by the codecs of types that may nest without end: `Writer::Level level(to);`
  /// first in encode.
  class Level {
   public:
    /// One level deeper, until it is destroyed. Throws UsageError beyond max_depth.
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
    end_ = at_;  // from now on nothing fits, so nothing is written behind a gap
  }

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  std::size_t extra_ = 0;
  int depth_ = 0;
  std::vector<std::uint64_t> handles_;
};

/// Gives bytes back, checking every length against what is left before anything is built. Throws DecodeError.
/// One thread at a time. Cost: a comparison and a memcpy for each call.
class Reader {
 public:
  /// Reads n bytes at `from`, which must outlive it.
  Reader(const std::byte* from, std::size_t n) : at_(from), end_(from + n) {}
  /// From a span.
  explicit Reader(std::span<const std::byte> from) : Reader(from.data(), from.size()) {}

  /// Copies the next n bytes. Throws DecodeError when fewer are left.
  void bytes(void* to, std::size_t n) {
    if (n > left()) too_short(n);
    if (n != 0) std::memcpy(to, at_, n);
    at_ += n;
  }

  /// The next n bytes where they lie, without a copy; they live as long as the message. A large message may
  /// lie where another process can still write: what decides anything is copied out (bytes) before it is
  /// checked. Throws DecodeError when fewer are left.
  const std::byte* view(std::size_t n) {
    if (n > left()) too_short(n);
    const std::byte* here = at_;
    at_ += n;
    return here;
  }

  /// The next value of type T. Throws DecodeError when the bytes are none, or nest deeper than max_depth.
  template <class T>
  T value();

  /// The length of a sequence whose elements take at least `each` bytes: more than could be there is an
  /// DecodeError, so a lie about a length allocates nothing.
  std::size_t size(std::size_t each = 1) {
    std::uint64_t n;
    bytes(&n, sizeof n);
    if (each != 0 && n > left() / each) too_long(n);
    return static_cast<std::size_t>(n);
  }

  /// Bytes that have not been read.
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// Throws DecodeError unless everything was read.
  void end() const {
    if (at_ != end_) trailing(left());
  }

  /// Guards recursion, as Writer::Level: `Reader::Level level(from);` first in decode.
  class Level {
   public:
    /// One level deeper, until it is destroyed. Throws DecodeError beyond max_depth.
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
