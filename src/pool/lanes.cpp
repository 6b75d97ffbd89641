#include "pool/lanes.hpp"

#include <algorithm>
#include <brood/errors.hpp>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "base/immortal.hpp"
#include "platform/child.hpp"
#include "platform/memory.hpp"
#include "platform/surroundings.hpp"
#include "pool/pool_core.hpp"
#include "pool/worker.hpp"
#include "process/session.hpp"

namespace brood::pool {
namespace {

struct Lanes {
  std::mutex mutex;
  platform::SharedRegion region;  // of this process as a parent
  platform::SharedRegion own;     // of this process as a worker
  std::vector<std::uint32_t> free;
  std::uint32_t used = 0;  // lanes below this one have been handed out
};
Lanes& lanes() {
  static Immortal<Lanes> it;
  return *it;
}

void map_lanes() {
  auto& all = lanes();
  // When a server is renewed, the program may have workers: their lanes stay, and the new server inherits the
  // region as it is.
  if (all.region.data() != nullptr && all.used != all.free.size()) return;
  all.free.clear();
  all.used = 0;
  const auto share = std::min<std::uint64_t>(
      {platform::address_space_limit() / 16, platform::file_size_limit(), most_lanes * Lane::size_in_all});
  all.region = platform::SharedRegion::create(
      "brood lanes", std::max<std::uint64_t>(share / Lane::size_in_all, 16) * Lane::size_in_all);
}

void keep_lane(std::int32_t lane) {
  auto& all = lanes();
  new (&all.mutex) std::mutex;
  all.own.forget();
  if (lane >= 0 && all.region.size() > static_cast<std::size_t>(lane) * Lane::size_in_all) {
    all.own = std::move(all.region);
    all.own.keep_only(static_cast<std::size_t>(lane) * Lane::size_in_all, Lane::size_in_all);
    if (const int error = all.own.open(0, Lane::size_in_all)) {
      platform::say(
          "brood: a worker cannot access its lane: " + std::string(OsError("mprotect", error).what()) + "\n");
      platform::exit_now(1);
    }
  }
  all.region.forget();
  forget_worker();
  forget_pools();
  detail::forget_records();
}

void forget_descriptors() {
  lanes().region.abandon_descriptor();
  lanes().own.abandon_descriptor();
}

// Runs before any global of the program is initialised, since those may use brood already.
[[gnu::constructor(200)]] void register_here() {
  process::hooks().before_server = &map_lanes;
  process::hooks().in_server = &forget_descriptors;
  process::hooks().in_child = &keep_lane;
}

}  // namespace

std::uint32_t take_lane(std::uint32_t slots) {
  auto& all = lanes();
  const std::lock_guard lock(all.mutex);
  if (all.region.data() == nullptr) throw UsageError("a pool needs a fork server; call brood::init first");
  std::uint32_t index = 0;
  if (!all.free.empty()) {
    index = all.free.back();
    all.free.pop_back();
  } else {
    index = all.used;
    if ((index + std::size_t{1}) * Lane::size_in_all > all.region.size()) {
      throw NoMemory("no more than " + std::to_string(index) + " workers fit into this process at once");
    }
    ++all.used;
  }
  const std::size_t size = Lane::size_with(slots);
  if (const int error = all.region.reserve(index * Lane::size_in_all, size)) {
    all.free.push_back(index);
    throw NoMemory("no memory for the lane of a worker (" + std::to_string(size) +
                   " bytes): " + OsError("fallocate", error).what());
  }
  if (const int error = all.region.open(index * Lane::size_in_all, size)) {
    all.free.push_back(index);
    throw NoMemory("the lane of a worker cannot be accessed: " +
                   std::string(OsError("mprotect", error).what()));
  }
  Lane& lane = lane_at(index);
  platform::make_present(&lane, size);
  std::memset(static_cast<void*>(&lane), 0, size);  // a lane starts out zeroed
  lane.slot_count = slots;
  return index;
}

void give_lane_back(std::uint32_t index) {
  auto& all = lanes();
  const std::lock_guard lock(all.mutex);
  all.free.push_back(index);
}

Lane& lane_at(std::uint32_t index) {
  return *reinterpret_cast<Lane*>(lanes().region.data() + index * Lane::size_in_all);
}

Lane& own_lane() {
  auto& all = lanes();
  if (all.own.data() == nullptr) throw UsageError("this process is not the worker of a pool");
  return *reinterpret_cast<Lane*>(all.own.data());
}

}  // namespace brood::pool
