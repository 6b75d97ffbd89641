// Memory that another process writes: a slot of a lane, a queue.

#include <array>
#include <brood/codec.hpp>
#include <brood/queue.hpp>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>

#include "arena.hpp"
#include "arena/members.hpp"
#include "channel/queue_core.hpp"
#include "channel/queue_layout.hpp"
#include "exec/failure.hpp"
#include "pool/claimed.hpp"
#include "targets.hpp"

namespace fuzz {

namespace arena = brood::arena;

namespace {

// The program's way of a result, from the slot to the Future.
void take_result(const brood::pool::Slot& slot, std::uint32_t worker, bool wanted) {
  brood::pool::Claimed result(slot);
  if (result.check(worker)) return result.drop();
  if (result.is_exception()) {
    const auto copy = result.take_bytes();
    brood::Reader from(copy.data(), copy.size());
    static_cast<void>(brood::exec::decode_exception(from));
  } else if (wanted) {
    brood::detail::Record record;
    result.keep(record);
    brood::detail::Names names;
    record.take_names(names);
    try {
      static_cast<void>(brood::detail::decode_all<std::vector<std::string>>(record.data(), record.bytes()));
    } catch (const brood::DecodeError&) {
    }
    if (record.release != nullptr) record.release(record.block_name);
  } else {
    static_cast<void>(result.names());
    result.drop();
  }
}

}  // namespace

void lane(Input input) {
  renew_arena();
  Bytes from(input);
  const auto me = arena::self_member();
  std::optional<brood::Queue<int>> queue(std::in_place);  // something that a result may name
  const arena::Run own = arena::allocate(3 * arena::chunk_size);
  const arena::Run others = arena::allocate(1);
  arena::adopt(others);
  alignas(brood::pool::Slot) static std::byte room[sizeof(brood::pool::Slot)];
  auto& slot = *new (room) brood::pool::Slot{};
  slot.content = static_cast<brood::pool::Content>(from.byte());
  slot.size = from.byte() % 4 == 0 ? from.next<std::uint64_t>() : from.next<std::uint32_t>() % 300'000;
  const auto which = from.byte();
  const arena::Run run = which % 3 == 0 ? own : others;
  if (which % 4 != 0) {
    slot.run_offset = which % 5 == 0 ? from.next<std::uint64_t>() : run.offset;
    slot.run_generation = which % 7 == 0 ? from.next<std::uint32_t>() : run.generation;
  }
  slot.names = which % 8 < 4 ? from.byte() % 32 : from.next<std::uint32_t>();
  const bool wanted = from.byte() % 2 == 0;
  for (auto noise = from.byte() % 4; noise > 0; --noise) write_noise(books(), from);
  const auto rest = from.rest();
  std::memcpy(slot.data, rest.data(), std::min(rest.size(), sizeof slot.data));
  std::memcpy(arena::at(own.offset, own ? 3 * arena::chunk_size : 0), rest.data(),
              rest.size() % (3 * arena::chunk_size));
  take_result(slot, me, wanted);
  queue.reset();
}

namespace {

using Text = std::string;
using Small = std::array<int, 4>;  // lies in the ring itself, as long as one thread alone puts
using namespace std::chrono_literals;

std::span<std::byte> part_of(std::uint64_t object, std::uint8_t which) {
  const auto& q = *arena::object_at<brood::channel::QueueObject>(object);
  const auto run_of = [](std::uint64_t bits) -> std::span<std::byte> {
    const arena::Place place{bits};
    const auto size = place.is_run() ? arena::size_of(arena::Run::at(place)) : 0;
    return size == 0 ? std::span<std::byte>() : std::span(arena::at(place.offset(), size), size);
  };
  // Of one thread's rings, or where there is none of those for many.
  const auto first_run = [&](std::size_t nth) {
    const auto own = run_of(q.segments[nth].load());
    return own.empty() ? run_of(q.segments[brood::channel::solo_rings].load()) : own;
  };
  switch (which % 8) {
    case 0:
      return {arena::at(object, sizeof q), sizeof q};
    case 1: {
      const auto ring = first_run(0);
      return ring.first(std::min<std::size_t>(512, ring.size()));
    }
    case 2:
      return first_run(1);
    case 3:
      return run_of(q.groups[0][0].load());
    case 4:
      return run_of(q.groups[1][0].load());
    case 5:
      return run_of(q.groups[3][0].load());
    case 6:
      return {arena::at(object, 320), 320};
    default:
      return books();
  }
}

template <class T>
T value(std::size_t n) {
  if constexpr (std::is_same_v<T, Text>)
    return Text(n, 'x');
  else
    return {static_cast<int>(n)};
}

template <class T>
void put_what_may_be(brood::Queue<T>& queue) {
  try {
    static_cast<void>(queue.try_put(value<T>(7)));
  } catch (const brood::Error&) {
  }
}

template <class T>
void one_step(brood::Queue<T>& queue, std::uint64_t object, Bytes& from) {
  switch (from.byte() % 10) {
    case 0:
    case 1:
      static_cast<void>(queue.try_put(value<T>(from.byte())));
      break;
    case 2:
      static_cast<void>(queue.try_put(value<T>(from.next<std::uint16_t>())));
      break;
    case 3:
    case 4:
      static_cast<void>(queue.try_get());
      break;
    case 5:
      static_cast<void>(queue.try_get_for(1us));
      static_cast<void>(queue.qsize());
      break;
    case 6:
      brood::channel::QueueCore(object).repair(from.byte() % 4);
      break;
    case 7:
      switch (from.byte() % 8) {
        case 0:
          queue.close();
          break;
        case 1:
          std::thread([&] { put_what_may_be(queue); }).join();
          break;
        default:
          break;
      }
      break;
    default:
      write_noise(part_of(object, from.byte()), from);
  }
}

}  // namespace

namespace {
template <class T>
void queue_of(std::uint8_t max_size, Bytes& from) {
  std::optional<brood::Queue<T>> queue(std::in_place, max_size);
  const auto object = brood::Codec<brood::Queue<T>>::object_of(*queue);
  for (int steps = 0; steps < 200 && !from.empty(); ++steps) {
    try {
      one_step(*queue, object, from);
    } catch (const brood::Error&) {
    }
  }
  queue.reset();
}
}  // namespace

void queue(Input input) {
  renew_arena();
  Bytes from(input);
  const auto kind = from.byte();
  kind % 8 < 4 ? queue_of<Text>(kind % 4, from) : queue_of<Small>(kind % 4, from);
}

}  // namespace fuzz
