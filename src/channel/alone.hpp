#pragma once
// put and get of small values while one thread alone puts: see solo_ring.hpp.

#include <brood/detail/queue_core.hpp>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// The short way, where this thread did the same with this queue before: nothing but the next cell, for which
/// it watches a moment where it may wait. False when there is more to it; nothing has been done then.
bool put_again(std::uint64_t object, const detail::EncodeValue& value, detail::Deadline until);
bool get_again(std::uint64_t object, const detail::DecodeValue& value, detail::Deadline until);

/// A value has been put, or taken: whoever waits for that is woken, and learns where the other side runs.
void tell_put(QueueObject& queue);
void tell_got(QueueObject& queue, bool bounded);

}  // namespace brood::channel
