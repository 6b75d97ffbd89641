#pragma once
/// Queue: values between any processes, many writers and many readers, first in, first out.
///
///   brood::Queue<std::string> lines(100);
///   brood::Process writer([](brood::Queue<std::string> q) { q.put("one"); }, lines);
///   writer.start();
///   std::string line = lines.get(1s);                          // throws brood::Empty after a second
///   if (auto next = lines.try_get()) use(*next);               // never waits; nothing there: no value
///
/// A Queue object is a handle: copies name the same queue, and it travels in any message: as an argument of a
/// process, inside another queue's values, to workers that run already. It lives as long as anybody holds a
/// handle or a message names it.
///
/// put returns when the value is whole in the queue: nothing that the writer does or suffers afterwards can
/// change or lose it. A process that is killed in put or get costs at most the value in its hands, and nobody
/// waits for it; a value that a killed reader had not finished taking goes to another reader, perhaps at the
/// end of the queue.
///
/// Any thread of any process of the program may call everything. Timeouts of zero or less do not wait. A
/// signal handler may use queues where it interrupts no call of a queue in its thread, but one that waits;
/// else the handler's call throws UsageError and has done nothing.
/// Cost: no system call as long as nobody has to wait; a wake-up when somebody sleeps. As long as one thread
/// alone puts plain values of up to 256 bytes, however many read them, each side has one atomic change a
/// value, else three. Memory: for each value a block of 64 bytes (or what a plain T needs), 1, 8 or 32 KiB,
/// for a larger one chunks of 64 KiB; a queue keeps what it has grown to until its end. A process may hold
/// 8,192 queues at a time.

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
  /// At most max_size values; 0 or less: as many as memory holds. Throws NoMemory, and UsageError where brood
  /// cannot be used (in a process of the program's own fork()).
  explicit Queue(std::int64_t max_size = 0) : handle_(max_size, traits()) {}

  /// Waits for room, then puts a copy of the value in. Throws Full when there was no room within the timeout;
  /// Closed; NoMemory when the value does not fit into the arena; UsageError from a handle that was moved
  /// from. On a throw nothing was put.
  void put(const T& value, Timeout timeout = {}) { put_by(value, timeout.deadline()); }
  /// Waits for room until that moment; throws as put.
  template <class Clock, class D>
  void put_until(const T& value, std::chrono::time_point<Clock, D> when) {
    put(value, Timeout::until(when));
  }
  /// As Python's put(value, block, timeout): without block it does not wait, whatever the timeout, and throws
  /// Full when there is no room.
  template <std::same_as<bool> Bool>
  void put(const T& value, Bool block, Timeout timeout = {}) {
    block ? put(value, timeout) : put_nowait(value);
  }
  /// Does not wait; throws Full when there is no room.
  void put_nowait(const T& value) { put_by(value, detail::Deadline::now()); }
  /// Does not wait. False when there is no room now, or the queue is closed (closed() tells which). Throws
  /// NoMemory.
  bool try_put(const T& value) { return was_put(value, detail::Deadline::now()); }
  /// Waits for room. False when there was none within the timeout, or the queue is closed. Throws NoMemory.
  bool try_put_for(const T& value, Timeout timeout) { return was_put(value, timeout.deadline()); }
  /// As try_put_for, until that moment.
  template <class Clock, class D>
  bool try_put_until(const T& value, std::chrono::time_point<Clock, D> when) {
    return try_put_for(value, Timeout::until(when));
  }

  /// Waits for a value. Throws Empty when there was none within the timeout; Closed when the queue is closed
  /// and all was taken; DecodeError when the value cannot be built (it is gone then).
  T get(Timeout timeout = {}) { return get_by(timeout.deadline()); }
  /// Waits for a value until that moment; throws as get.
  template <class Clock, class D>
  T get_until(std::chrono::time_point<Clock, D> when) {
    return get(Timeout::until(when));
  }
  /// As Python's get(block, timeout): without block it does not wait, whatever the timeout, and throws Empty
  /// when there is nothing.
  template <std::same_as<bool> Bool>
  T get(Bool block, Timeout timeout = {}) {
    return block ? get(timeout) : get_nowait();
  }
  /// Does not wait; throws Empty when there is nothing.
  T get_nowait() { return get_by(detail::Deadline::now()); }
  /// Does not wait. Nothing when there is nothing now, or the queue is closed and all was taken (closed() and
  /// empty() tell which).
  std::optional<T> try_get() { return take(detail::Deadline::now()).first; }
  /// Waits for a value. Nothing when there was none within the timeout, or the queue is closed and all was
  /// taken.
  std::optional<T> try_get_for(Timeout timeout) { return take(timeout.deadline()).first; }
  /// As try_get_for, until that moment.
  template <class Clock, class D>
  std::optional<T> try_get_until(std::chrono::time_point<Clock, D> when) {
    return try_get_for(Timeout::until(when));
  }

  /// Values in the queue: those whose put has returned (or is about to) and that nobody has taken. Exact at
  /// an instant during the call.
  std::size_t qsize() const { return static_cast<std::size_t>(handle_.size()); }
  /// qsize() == 0. Another process may have changed it by the time you read this.
  bool empty() const { return qsize() == 0; }
  /// qsize() has reached max_size. Never true for a queue that only memory bounds.
  bool full() const { return handle_.max_size() != 0 && handle_.size() >= handle_.max_size(); }

  /// For the whole queue, in every process: nothing more can be put; what is in it can be taken; then get
  /// throws Closed. Wakes up every reader and writer that waits. Calling it again has no effect.
  void close() { handle_.close(); }
  /// Somebody has closed it; values may still be in it.
  bool closed() const { return handle_.closed(); }

  /// Both are handles of the same queue.
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

template <class T>
inline constexpr bool detail::is_handle<Queue<T>> = true;

/// A queue travels as the number of its place; the message keeps it alive.
template <class T>
struct Codec<Queue<T>> {
  /// The number of its place, for machinery.
  static std::uint64_t object_of(const Queue<T>& queue) { return queue.handle_.object(); }
  /// A queue that this process knows to live, without a message that named it.
  static Queue<T> known(std::uint64_t object) {
    return Queue<T>(detail::QueueHandle::known(object, Queue<T>::type()));
  }
  /// Writes the place; the message counts as a holder.
  static void encode(Writer& to, const Queue<T>& queue) {
    to.value(queue.handle_.object());
    to.handle(queue.handle_.object());
  }
  /// A handle of the same queue. Throws DecodeError when there is none there of this T.
  static Queue<T> decode(Reader& from) {
    return Queue<T>(detail::QueueHandle::known(from.value<std::uint64_t>(), Queue<T>::type()));
  }
};

}  // namespace brood
