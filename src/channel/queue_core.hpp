#pragma once
// The untyped implementation of Queue<T>; see the top of queue_core.cpp.

#include <brood/detail/queue_core.hpp>
#include <cstdint>
#include <optional>

#include "channel/blocks.hpp"
#include "channel/queue_layout.hpp"
#include "channel/ring.hpp"
#include "channel/solo_ring.hpp"

namespace brood::channel {

/// Entries in the list of rings that are not rings: the queue was closed here; multi-writer rings begin here.
inline constexpr std::uint64_t closed_here = 1, many_from_here = 2;

/// A view of a queue in the arena, made for one call.
class QueueCore {
 public:
  explicit QueueCore(std::uint64_t object);

  /// Makes a queue that this process holds. Throws NoMemory.
  static std::uint64_t create(std::int64_t max_size, const detail::QueueTraits& traits);
  /// Destroys a queue that nobody holds any more.
  static void destroy(std::uint64_t object);

  detail::QueueResult put(const detail::EncodeValue& value, detail::Deadline until);
  detail::QueueResult get(const detail::DecodeValue& value, detail::Deadline until);
  std::uint64_t size();
  const QueueObject& object() const { return q_; }
  std::uint64_t max_size() const { return shape_.max_size; }
  void close();
  /// Undoes what a dead member had begun.
  void repair(std::uint32_t dead);

 private:
  // Rings with a single writer thread: see alone.cpp. Nothing: the operation belongs to the multi-writer
  // rings.
  std::optional<detail::QueueResult> put_alone(const detail::EncodeValue& value);
  std::optional<detail::QueueResult> get_alone(const detail::DecodeValue& value);
  bool leave_alone(std::uint32_t index, bool for_repair);
  SoloRing solo(std::uint32_t index);
  void add_solo(std::uint32_t index);
  bool await_room(const SoloRing& ring, SoloRing::Tail tail, std::uint32_t index);
  bool looks_empty(const SoloRing& ring, std::uint32_t index);
  void forget_writer(std::uint32_t dead);

  Ring ring(std::uint32_t index);
  Ring add_ring(std::uint32_t index, bool for_repair);
  Ring writing_ring(std::uint32_t& index, bool for_repair);
  bool publish(std::uint32_t block, bool bounded, bool for_repair, detail::QueueResult& result);
  Block& block_at(Ring& ring, const Ring::Head& head);
  bool help_reading();
  std::uint64_t values_before(std::uint32_t index);
  detail::QueueResult claim(std::uint32_t me, std::uint32_t& block);
  detail::QueueResult try_put(const detail::EncodeValue& value);
  detail::QueueResult try_get(const detail::DecodeValue& value);
  bool looks_empty();
  bool looks_full();

  QueueObject& q_;
  const std::uint64_t object_;
  const Shape shape_;
  Blocks blocks_;
};

}  // namespace brood::channel
