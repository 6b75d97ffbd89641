#pragma once
// The untyped part of Queue<T>, which the template calls.

#include <brood/bytes.hpp>
#include <brood/detail/deadline.hpp>
#include <cstdint>

namespace brood::detail {

/// Encodes a value; may be invoked twice (see Writer).
struct EncodeValue {
  void (*encode)(Writer& to, const void* value);
  const void* value;
  std::size_t size_hint;  // the encoded size if the type determines it, otherwise 0
};
/// Builds the value from its bytes; may throw.
struct DecodeValue {
  void (*decode)(Reader& from, void* to);
  void* to;
  std::size_t size_hint;  // as above
};

enum class QueueResult { done, late, closed };  // late: full or empty until the deadline

struct QueueTraits {
  std::uint64_t type;  // hash of the element type's name
  std::size_t size_hint;
};

/// A handle of a queue: its offset in the arena. Each process counts its own handles.
class QueueHandle {
 public:
  QueueHandle(std::int64_t max_size, const QueueTraits& traits);
  /// A handle of a live queue, made from its number alone, as found in a message.
  static QueueHandle known(std::uint64_t object, std::uint64_t type);
  QueueHandle(const QueueHandle& other);
  QueueHandle(QueueHandle&& other) noexcept;
  QueueHandle& operator=(QueueHandle other) noexcept;
  ~QueueHandle();

  std::uint64_t object() const { return object_; }
  QueueResult put(const EncodeValue& value, Deadline until);
  QueueResult get(const DecodeValue& value, Deadline until);
  std::uint64_t size() const;
  std::uint64_t max_size() const;
  void close();
  bool closed() const;

 private:
  explicit QueueHandle(std::uint64_t object) : object_(object) {}
  QueueHandle of_type(std::uint64_t type);
  std::uint64_t object_ = 0;
};

}  // namespace brood::detail
