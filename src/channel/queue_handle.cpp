// The functions that the template Queue<T> calls.

#include <brood/detail/queue_core.hpp>
#include <brood/errors.hpp>
#include <utility>

#include "arena/arena.hpp"
#include "arena/references.hpp"
#include "base/copied.hpp"
#include "channel/alone.hpp"
#include "channel/inside.hpp"
#include "channel/queue_core.hpp"

namespace brood {

void channel::refuse_to_enter() {
  throw UsageError(
      "a queue is used in a signal handler that has interrupted a call of a queue in the same thread, and "
      "nothing was done; block the signal around such calls, or let another thread take it (sigwait)");
}

namespace detail {

using channel::QueueCore;

QueueHandle::QueueHandle(std::int64_t max_size, const QueueTraits& traits) {
  arena::require();
  object_ = QueueCore::create(max_size, traits);
}

QueueHandle QueueHandle::known(std::uint64_t object, std::uint64_t type) {
  arena::require();
  arena::hold(object, channel::queue_kind);
  return QueueHandle(object).of_type(type);
}

QueueHandle QueueHandle::of_type(std::uint64_t type) {
  if (copied(arena::object_at<channel::QueueObject>(object_)->type) != type) {
    throw DecodeError("a message names a queue of another type of values");
  }
  return std::move(*this);
}

QueueHandle::QueueHandle(const QueueHandle& other) : object_(other.object_) {
  if (object_ != 0) arena::hold(object_, channel::queue_kind);
}
QueueHandle::QueueHandle(QueueHandle&& other) noexcept : object_(std::exchange(other.object_, 0)) {}
QueueHandle& QueueHandle::operator=(QueueHandle other) noexcept {
  std::swap(object_, other.object_);
  return *this;
}
QueueHandle::~QueueHandle() {
  if (object_ != 0) arena::let_go(object_);
}

namespace {
QueueCore core_of(std::uint64_t object) {
  const channel::Inside here;
  return QueueCore(object);
}

// Values that are not plain are encoded and decoded by user code, which may use queues.
EncodeValue as_users(const EncodeValue& value) {
  return {[](Writer& to, const void* v) {
            const channel::Outside users;
            const auto& given = *static_cast<const EncodeValue*>(v);
            given.encode(to, given.value);
          },
          &value, 0};
}
DecodeValue as_users(const DecodeValue& value) {
  return {[](Reader& from, void* v) {
            const channel::Outside users;
            const auto& given = *static_cast<const DecodeValue*>(v);
            given.decode(from, given.to);
          },
          const_cast<DecodeValue*>(&value), 0};
}
}  // namespace

QueueResult QueueHandle::put(const EncodeValue& value, Deadline until) {
  if (value.size_hint == 0) return core_of(object_).put(as_users(value), until);
  channel::Inside here;
  if (channel::put_again(object_, value, until)) return QueueResult::done;
  QueueCore core(object_);
  here.leave();
  return core.put(value, until);
}
QueueResult QueueHandle::get(const DecodeValue& value, Deadline until) {
  if (value.size_hint == 0) return core_of(object_).get(as_users(value), until);
  channel::Inside here;
  if (channel::get_again(object_, value, until)) return QueueResult::done;
  QueueCore core(object_);
  here.leave();
  return core.get(value, until);
}
std::uint64_t QueueHandle::size() const {
  const channel::Inside here;
  return QueueCore(object_).size();
}
std::uint64_t QueueHandle::max_size() const { return QueueCore(object_).max_size(); }
void QueueHandle::close() {
  const channel::Inside here;
  QueueCore(object_).close();
}
bool QueueHandle::closed() const { return QueueCore(object_).object().closed.load() != 0; }

}  // namespace detail
}  // namespace brood
