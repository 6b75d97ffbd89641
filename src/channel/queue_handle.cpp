// What the template Queue<T> calls.

#include <brood/detail/queue_core.hpp>
#include <brood/errors.hpp>
#include <utility>

#include "arena/arena.hpp"
#include "arena/references.hpp"
#include "base/copied.hpp"
#include "channel/alone.hpp"
#include "channel/queue_core.hpp"

namespace brood::detail {

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

QueueResult QueueHandle::put(const EncodeValue& value, Deadline until) {
  if (channel::put_again(object_, value, until)) return QueueResult::done;
  return QueueCore(object_).put(value, until);
}
QueueResult QueueHandle::get(const DecodeValue& value, Deadline until) {
  if (channel::get_again(object_, value, until)) return QueueResult::done;
  return QueueCore(object_).get(value, until);
}
std::uint64_t QueueHandle::size() const { return QueueCore(object_).size(); }
std::uint64_t QueueHandle::max_size() const { return QueueCore(object_).max_size(); }
void QueueHandle::close() { QueueCore(object_).close(); }
bool QueueHandle::closed() const { return QueueCore(object_).object().closed.load() != 0; }

}  // namespace brood::detail
