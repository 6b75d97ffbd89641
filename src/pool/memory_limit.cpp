#include "pool/memory_limit.hpp"

#include <brood/task_errors.hpp>
#include <chrono>
#include <cstring>
#include <string>
#include <utility>

#include "platform/memory.hpp"
#include "platform/memory_group.hpp"
#include "platform/surroundings.hpp"

namespace brood::pool {
namespace {

using Clock = std::chrono::steady_clock;

// The cgroup's files are read at most this often.
constexpr auto between_looks = std::chrono::milliseconds(1);

// The worker's cgroup, made with its first limit and kept for its life.
struct Group {
  platform::MemoryGroup group;
  platform::Pid program = 0;  // copied before any task could overwrite the lane
  bool tried = false;
  std::uint64_t limit = 0;  // the limit in force
  std::uint64_t kills = 0;  // number of kills when it was set
  Clock::time_point looked;
};
Group own;

// The lane and the task whose allocations are limited now.
Lane* limited = nullptr;
std::uint32_t limited_task = 0;

void enter_group(Lane& lane) {
  own.tried = true;
  own.group = platform::MemoryGroup::enter(own.program, [&](const std::string& folder) {
    std::memcpy(lane.group, folder.c_str(), folder.size() + 1);
  });
}

// A failed allocation is better than a kill, so the cgroup's limit is higher by some room for stacks and page
// tables, and allocations fail first.
std::uint64_t with_room(std::uint64_t bytes) { return bytes + bytes / 16 + (std::uint64_t{8} << 20); }

// Costs nothing while the limit is unchanged, except for an occasional update, because shared memory comes on
// top of it.
void limit_group(Lane& lane, std::uint64_t bytes) {
  if (bytes == 0 && own.limit == 0) return;
  if (!own.tried) enter_group(lane);
  if (!own.group) return;
  const auto now = Clock::now();
  if (bytes == own.limit && now < own.looked + between_looks) return;
  own.group.limit(bytes == 0 ? 0 : with_room(bytes));
  own.limit = bytes;
  own.kills = own.group.kills();
  own.looked = now;
}

// The new_handler, which a failing allocation calls.
void note_starvation() {
  if (limited != nullptr) limited->starved.store(limited_task);
  throw std::bad_alloc();
}

}  // namespace

MemoryLimit::MemoryLimit(Lane& lane, std::uint32_t task_number, std::uint64_t bytes)
    : bytes_(bytes), most_(bytes != 0 ? bytes : lane.memory_limit) {
  if (task_number == 0) own.program = lane.program;
  limit_group(lane, most_);
  limited = &lane;
  limited_task = task_number;
  if (bytes_ == 0) return;
  before_ = platform::limit_data(bytes_);
  handler_ = std::set_new_handler(&note_starvation);
}

void MemoryLimit::lift() {
  if (std::exchange(bytes_, 0) == 0) return;
  platform::limit_data(before_);
  std::set_new_handler(handler_);
}

void MemoryLimit::check() {
  // A task shorter than this interval is assumed to have started no program.
  if (most_ == 0 || !own.group || Clock::now() < own.looked + between_looks) return;
  const auto kills = own.group.kills();
  if (std::exchange(own.kills, kills) == kills) return;
  throw MemoryLimitExceeded("the task started programs that needed more memory than its limit of " +
                            std::to_string(most_) + " bytes allows, and were killed for it");
}

std::exception_ptr MemoryLimit::cause_of(std::exception_ptr error) {
  try {
    check();
    std::rethrow_exception(error);
  } catch (const MemoryLimitExceeded&) {
    return std::current_exception();
  } catch (const NoMemory&) {  // shared memory ran out, not the worker's own
    return error;
  } catch (const std::bad_alloc&) {
    if (most_ == 0) return error;
    return std::make_exception_ptr(MemoryLimitExceeded("the task asked for more memory than its limit of " +
                                                       std::to_string(most_) + " bytes allows"));
  } catch (...) {
    return error;
  }
}

// Constructed in place, not assigned: assignment would free memory of the parent's heap, whose state may be
// inconsistent.
void forget_memory_limit() {
  new (&own) Group;
  limited = nullptr;
}

}  // namespace brood::pool
