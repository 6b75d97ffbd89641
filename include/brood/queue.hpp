#pragma once
/// Queue: a first-in, first-out queue of values between processes, for many writers and many readers.
///
///   brood::Queue<std::string> lines(100);
///   brood::Process writer([](brood::Queue<std::string> q) { q.put("one"); }, lines);
///   writer.start();
///   std::string line = lines.get(1s);                          // throws brood::Empty after a second
///   if (auto next = lines.try_get()) use(*next);               // never waits; no value when empty
///
/// A Queue object is a handle: copies refer to the same queue, and a handle travels in any message: as an
/// argument of a process, inside another queue's values, to workers that are already running. The queue lives
/// as long as any process holds a handle or any message names it.
///
/// put returns once the complete value is in the queue: nothing that happens to the writer afterwards can
/// change or lose it. Killing a process during put or get loses at most the value in its hands and blocks
/// nobody; a value that a killed reader had not finished taking goes to another reader, perhaps at the end of
/// the queue.
///
/// Any thread of any process of the program may call any member. Timeouts of zero or less do not wait. A
/// signal handler may use queues unless it has interrupted a queue call in its thread; interrupting one that
/// is waiting is allowed. Otherwise the handler's call throws UsageError and has no effect.
///
/// Cost: no system call unless someone has to wait; a wake-up when someone sleeps. While only one thread puts
/// plain values of up to 256 bytes, each side makes one atomic update per value, whatever the number of
/// readers; otherwise three. Memory: each value takes a block of 64 bytes (or the size of a plain T), 1, 8 or
/// 32 KiB, or for a larger value chunks of 64 KiB; a queue keeps the memory it has grown to until it is
/// destroyed. A process may hold 8,192 queues at a time.

#include <brood/codec.hpp>
#include <brood/detail/deadline.hpp>
#include <brood/detail/queue_core.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <brood/errors.hpp>
#include <brood/timeout.hpp>
#include <concepts>
#include <cstdint>
#include <optional>
#include <utility>

namespace brood {

template <class T>
class Queue {
  static_assert(detail::travels<T>);

 public:
  /// Makes a queue that holds at most max_size values; 0 or less means as many as memory allows. Throws
  /// NoMemory, and UsageError where brood cannot be used (in a process made by the program's own fork()).
  explicit Queue(std::int64_t max_size = 0) : handle_(max_size, traits()) {}

  /// Waits for room, then puts a copy of the value into the queue. Throws Full when there was no room within
  /// the timeout; Closed when the queue is closed; NoMemory when the value does not fit into the arena;
  /// UsageError for a handle that was moved from. If put throws, nothing was put.
  void put(const T& value, Timeout timeout = {}) { put_by(value, timeout.deadline()); }
  /// Waits for room until the given moment, then puts a copy of the value; throws as put does.
  template <class Clock, class D>
  void put_until(const T& value, std::chrono::time_point<Clock, D> when) {
    put(value, Timeout::until(when));
  }
  /// Puts a copy of the value with the signature of Python's put(value, block, timeout). With block false it
  /// does not wait, whatever the timeout, and throws Full when there is no room.
  template <std::same_as<bool> Bool>
  void put(const T& value, Bool block, Timeout timeout = {}) {
    block ? put(value, timeout) : put_nowait(value);
  }
  /// Puts a copy of the value without waiting; throws Full when there is no room.
  void put_nowait(const T& value) { put_by(value, detail::Deadline::now()); }
  /// Puts a copy of the value without waiting. False when there is no room now or the queue is closed
  /// (closed() tells which). Throws NoMemory.
  bool try_put(const T& value) { return was_put(value, detail::Deadline::now()); }
  /// Waits for room and puts a copy of the value. False when there was no room within the timeout or the
  /// queue is closed. Throws NoMemory.
  bool try_put_for(const T& value, Timeout timeout) { return was_put(value, timeout.deadline()); }
  /// Waits for room until the given moment and puts a copy of the value; returns and throws as try_put_for
  /// does.
  template <class Clock, class D>
  bool try_put_until(const T& value, std::chrono::time_point<Clock, D> when) {
    return try_put_for(value, Timeout::until(when));
  }

  /// Waits for a value and takes it. Throws Empty when there was none within the timeout; Closed when the
  /// queue is closed and all values have been taken; DecodeError when the value cannot be decoded (the value
  /// is then lost).
  T get(Timeout timeout = {}) { return get_by(timeout.deadline()); }
  /// Waits for a value until the given moment and takes it; throws as get does.
  template <class Clock, class D>
  T get_until(std::chrono::time_point<Clock, D> when) {
    return get(Timeout::until(when));
  }
  /// Takes a value with the signature of Python's get(block, timeout). With block false it does not wait,
  /// whatever the timeout, and throws Empty when the queue is empty.
  template <std::same_as<bool> Bool>
  T get(Bool block, Timeout timeout = {}) {
    return block ? get(timeout) : get_nowait();
  }
  /// Takes a value without waiting; throws Empty when there is none.
  T get_nowait() { return get_by(detail::Deadline::now()); }
  /// Takes a value without waiting. Returns nothing when the queue is empty now, or is closed and all values
  /// have been taken (closed() and empty() tell which).
  std::optional<T> try_get() { return take(detail::Deadline::now()).first; }
  /// Waits for a value and takes it. Returns nothing when there was none within the timeout, or when the
  /// queue is closed and all values have been taken.
  std::optional<T> try_get_for(Timeout timeout) { return take(timeout.deadline()).first; }
  /// Waits for a value until the given moment and takes it; returns as try_get_for does.
  template <class Clock, class D>
  std::optional<T> try_get_until(std::chrono::time_point<Clock, D> when) {
    return try_get_for(Timeout::until(when));
  }

  /// The number of values in the queue: those whose put has returned (or is about to) and that nobody has
  /// taken. Exact at some instant during the call.
  std::size_t qsize() const { return static_cast<std::size_t>(handle_.size()); }
  /// True when qsize() is 0. Another process may have changed that by the time the call returns.
  bool empty() const { return qsize() == 0; }
  /// True when qsize() has reached max_size. Never true for a queue without a max_size.
  bool full() const { return handle_.max_size() != 0 && handle_.size() >= handle_.max_size(); }

  /// Closes the queue in every process: nothing more can be put; the values in it can still be taken, and
  /// then get throws Closed. Wakes up every waiting reader and writer. Calling close again has no effect.
  void close() { handle_.close(); }
  /// True when the queue has been closed; it may still hold values.
  bool closed() const { return handle_.closed(); }

  /// True when both are handles of the same queue.
  friend bool operator==(const Queue& a, const Queue& b) { return a.handle_.object() == b.handle_.object(); }

 private:
  friend struct Codec<Queue<T>>;
  explicit Queue(detail::QueueHandle handle) : handle_(std::move(handle)) {}

  static constexpr std::uint64_t type() {
    std::uint64_t hash = 1469598103934665603U;  // FNV-1a
    for (const char c : detail::type_name<T>())
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    return hash;
  }
  static constexpr std::size_t size_hint() { return detail::is_plain<T>() ? sizeof(T) : 0; }
  static detail::QueueTraits traits() { return {type(), size_hint()}; }
  static detail::EncodeValue encoder(const T& value) {
    return {[](Writer& to, const void* v) { detail::encode<T>(to, *static_cast<const T*>(v)); }, &value,
            size_hint()};
  }

  bool was_put(const T& value, detail::Deadline until) {
    return handle_.put(encoder(value), until) == detail::QueueResult::done;
  }
  void put_by(const T& value, detail::Deadline until) {
    switch (handle_.put(encoder(value), until)) {
      case detail::QueueResult::done:
        return;
      case detail::QueueResult::late:
        throw Full();
      case detail::QueueResult::closed:
        throw Closed();
    }
  }
  std::pair<std::optional<T>, detail::QueueResult> take(detail::Deadline until) {
    std::optional<T> value;
    const auto result = handle_.get({[](Reader& from, void* to) {
                                       static_cast<std::optional<T>*>(to)->emplace(detail::decode<T>(from));
                                       from.end();
                                     },
                                     &value, size_hint()},
                                    until);
    return {std::move(value), result};
  }
  T get_by(detail::Deadline until) {
    auto [value, result] = take(until);
    if (result == detail::QueueResult::closed) throw Closed();
    if (result == detail::QueueResult::late) throw Empty();
    return std::move(*value);
  }

  detail::QueueHandle handle_;
};

namespace detail {
template <class T>
inline constexpr bool is_handle<Queue<T>> = true;
}  // namespace detail

/// A queue handle travels as the queue's number in the arena; the message keeps the queue alive.
template <class T>
struct Codec<Queue<T>> {
  /// The queue's number in the arena; for brood.
  static std::uint64_t object_of(const Queue<T>& queue) { return queue.handle_.object(); }
  /// Makes a handle of a queue that this process knows to be alive, without a message that names it.
  static Queue<T> known(std::uint64_t object) {
    return Queue<T>(detail::QueueHandle::known(object, Queue<T>::type()));
  }
  /// Writes the queue's number; the message counts as a holder of the queue.
  static void encode(Writer& to, const Queue<T>& queue) {
    to.value(queue.handle_.object());
    to.handle(queue.handle_.object());
  }
  /// Makes a handle of the queue named in the message. Throws DecodeError when that is not a queue of T.
  static Queue<T> decode(Reader& from) {
    return Queue<T>(detail::QueueHandle::known(from.value<std::uint64_t>(), Queue<T>::type()));
  }
};

}  // namespace brood
