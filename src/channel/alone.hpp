#pragma once
// put and get of small values while only one thread puts: see solo_ring.hpp.

#include <brood/detail/queue_core.hpp>
#include <cstdint>

#include "channel/queue_layout.hpp"

namespace brood::channel {

/// The fast path for a thread that did the same with this queue before: touches only the next cell, and spins
/// on it briefly if it may wait. False when the slow path is needed; nothing has been done then.
bool put_again(std::uint64_t object, const detail::EncodeValue& value, detail::Deadline until);
bool get_again(std::uint64_t object, const detail::DecodeValue& value, detail::Deadline until);

/// Call when a value has been put, or taken. Wakes one thread waiting for that, and records on which
/// processor this side runs.
void tell_put(QueueObject& queue);
void tell_got(QueueObject& queue, bool bounded);

}  // namespace brood::channel
