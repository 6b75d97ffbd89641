#pragma once
// Queue<T> on bytes; see the head of queue_core.cpp.

#include <brood/detail/queue_core.hpp>
#include <cstdint>

#include "channel/blocks.hpp"
#include "channel/queue_layout.hpp"
#include "channel/ring.hpp"

namespace brood::channel {

/// A view of a queue in the arena, made for one call.
class QueueCore {
 public:
  explicit QueueCore(std::uint64_t object);

  /// A new queue, held by this process. Throws NoMemory.
  static std::uint64_t create(std::int64_t max_size, const detail::QueueTraits& traits);
  /// The last holder has let go.
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
  Ring ring(std::uint32_t index);
  Ring add_ring(std::uint32_t index, bool for_repair);
  Ring writing_ring(std::uint32_t& index, bool for_repair);
  bool publish(std::uint32_t block, bool bounded, bool for_repair, detail::QueueResult& result);
  Block& block_at(Ring& ring, const Ring::Head& head);
  bool help_reading();
  detail::QueueResult claim(std::uint32_t me, std::uint32_t& block);
  detail::QueueResult try_put(const detail::EncodeValue& value);
  detail::QueueResult try_get(const detail::DecodeValue& value);
  bool looks_empty();
  bool looks_full();
  template <class Waiting>
  bool spin_while(Waiting waiting, const platform::Word& peer);

  QueueObject& q_;
  const Shape shape_;
  Blocks blocks_;
};

}  // namespace brood::channel
