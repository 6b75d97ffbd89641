#pragma once
/// Writer and Reader: the two ends of a message, as codecs see them. <brood/codec.hpp> says when you need
/// them.

#include <atomic>
#include <brood/errors.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace brood {

/// Specialise to make a type travel; see the head of this file.
template <class T>
struct Codec;

/// Specialise as true for a trivially copyable type without pointers that reflection cannot see into: it
/// travels as its bytes.
template <class T>
inline constexpr bool bitwise = false;

/// Nesting deeper than this (a list of a million unique_ptr, say) is an error when encoding and when
/// decoding.
inline constexpr int max_depth = 512;

/// Takes bytes into memory it is given. When they do not fit it goes on counting, so one failed attempt tells
/// the exact size that the next one needs.
class Writer {
 public:
  Writer(std::byte* to, std::size_t capacity) : begin_(to), at_(to), end_(to + capacity) {}
  explicit Writer(std::span<std::byte> to) : Writer(to.data(), to.size()) {}

  /// Appends raw bytes.
  void bytes(const void* from, std::size_t n) {
    if (n <= static_cast<std::size_t>(end_ - at_)) {
      if (n != 0) std::memcpy(at_, from, n);
      at_ += n;
    } else {
      overflow(n);
    }
  }

  /// Appends any value that can travel.
  template <class T>
  void value(const T& v);

  /// Appends the length of a sequence.
  void size(std::size_t n) {
    const std::uint64_t wide = n;
    bytes(&wide, sizeof wide);
  }

  /// What was written, or would have been.
  std::size_t written() const { return static_cast<std::size_t>(at_ - begin_) + extra_; }
  bool fits() const { return extra_ == 0; }

  /// For codecs of handles: notes that the value names a shared object. The message holds a reference of it
  /// from when it is complete (an attempt that did not fit holds none) until it is decoded, or given up.
  void handle(std::uint64_t object) { handles_.push_back(object); }
  const std::vector<std::uint64_t>& handles() const { return handles_; }

  /// Guards recursion; used by the codecs of types that may nest without end.
  class Level {
   public:
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
class Reader {
 public:
  Reader(const std::byte* from, std::size_t n) : at_(from), end_(from + n) {}
  explicit Reader(std::span<const std::byte> from) : Reader(from.data(), from.size()) {}

  /// Copies the next n bytes.
  void bytes(void* to, std::size_t n) {
    if (n > left()) too_short(n);
    if (n != 0) std::memcpy(to, at_, n);
    at_ += n;
  }

  /// The next n bytes where they lie; they live as long as the message.
  const std::byte* view(std::size_t n) {
    if (n > left()) too_short(n);
    const std::byte* here = at_;
    at_ += n;
    return here;
  }

  /// The next value of type T.
  template <class T>
  T value();

  /// The length of a sequence whose elements take at least `each` bytes: more than could be there is an
  /// error, so a lie about a length allocates nothing.
  std::size_t size(std::size_t each = 1) {
    std::uint64_t n;
    bytes(&n, sizeof n);
    if (each != 0 && n > left() / each) too_long(n);
    return static_cast<std::size_t>(n);
  }

  /// For codecs of handles: the next of the shared objects that the message names is about to be this
  /// process's; called in their order, before it is.
  void take_handle() {
    ++handles_taken_;
    // Told before it is so: whoever finds this process dead then knows of each one that might be taken.
    if (tell_ != nullptr) tell_->store(handles_taken_);
  }
  std::uint32_t handles_taken() const { return handles_taken_; }
  /// A word that shall always say how many were taken.
  void tell_handles(std::atomic<std::uint32_t>& word) { tell_ = &word; }

  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  /// Throws unless everything was read.
  void end() const {
    if (at_ != end_) trailing(left());
  }

  /// Guards recursion, as Writer::Level.
  class Level {
   public:
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
  std::uint32_t handles_taken_ = 0;
  std::atomic<std::uint32_t>* tell_ = nullptr;
};

}  // namespace brood
