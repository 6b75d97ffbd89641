#include <brood/detail/pool_core.hpp>
#include <brood/detail/watch.hpp>
#include <brood/errors.hpp>
#include <brood/init.hpp>
#include <brood/pool.hpp>
#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include "base/immortal.hpp"
#include "base/scope.hpp"
#include "exec/failure.hpp"
#include "platform/modules.hpp"
#include "platform/surroundings.hpp"
#include "pool/lanes.hpp"
#include "pool/pool_core.hpp"
#include "process/server.hpp"
#include "process/session.hpp"

namespace brood {
namespace pool {
namespace {

// True when this process, or one that it is a copy of, has made a pool.
constinit bool has_pools = false;

struct AllPools {
  std::mutex mutex;
  std::vector<std::weak_ptr<PoolCore>> pools;
};
AllPools& all_pools() {
  static Immortal<AllPools> it;
  return *it;
}

// How long the end of a program waits before it reports what it is waiting for.
constexpr auto patience_at_exit = std::chrono::seconds(5);

// Finishes the pool's work. If that takes longer than `in_time`, and `is_the_end` then says that the program
// is ending, reports what it is waiting for.
void finish_work(Core& pool, Deadline in_time, bool (*is_the_end)()) {
  pool.close();
  if (!pool.wait_for_tasks(in_time) && is_the_end()) {
    platform::say("brood: the program has ended and waits for " + pool.what_still_runs() +
                  "; call terminate() of a pool whose tasks need not end first\n");
  }
  pool.join(Deadline::never());
}

void tell_unseen() {
  try {
    platform::say(detail::take_unseen());
  } catch (const std::bad_alloc&) {
    platform::say("brood: tasks failed and nobody looked at their results\n");
  }
}

// Runs before any global of the program is initialised, since those may use brood already.
[[gnu::constructor(200)]] void end_pools_first() {
  process::hooks().before_end = &end_all_pools;
  process::hooks().tell_origin = &exec::tell_origin;
}

void require_at_least(std::optional<int> given, int least, const char* name) {
  if (!given || *given >= least) return;
  throw UsageError("a Pool's " + std::string(name) + " must be at least " + std::to_string(least) + ", not " +
                   std::to_string(*given));
}
void require_positive(std::chrono::nanoseconds given, const char* name) {
  if (given.count() > 0) return;
  throw UsageError("a Pool's " + std::string(name) + " must be more than 0, not " +
                   std::to_string(given.count()) + " ns");
}

void require_sensible(const PoolOptions& options) {
  require_at_least(options.processes, 1, "processes");
  require_at_least(options.max_tasks_per_child, 1, "max_tasks_per_child");
  require_at_least(options.max_pending, 1, "max_pending");
  require_at_least(options.restart_intensity, 0, "restart_intensity");
  if (options.max_worker_age.is_limited()) require_positive(options.max_worker_age.span(), "max_worker_age");
  require_positive(options.restart_period, "restart_period");
  if (options.memory_limit == 0) throw UsageError("a memory_limit of 0 bytes lets no worker live");
  if (options.max_worker_memory == 0)
    throw UsageError("a max_worker_memory of 0 bytes would replace each worker after each task");
  if (options.name.empty() || options.name.find('\0') != std::string::npos)
    throw UsageError("a Pool's name must be a text without zero bytes: its workers are called after it");
}

}  // namespace

// Another thread of the parent may have held the lock.
void forget_pools() {
  if (has_pools) new (&all_pools()) AllPools;
}

void end_all_pools() {
  std::vector<std::shared_ptr<PoolCore>> ours;
  {
    auto& all = all_pools();
    const std::lock_guard lock(all.mutex);
    for (const auto& pool : all.pools) {
      if (auto core = pool.lock()) ours.push_back(std::move(core));
    }
    all.pools.clear();
  }
  const auto in_time = Deadline::in(patience_at_exit);
  for (const auto& core : ours) {
    try {
      finish_work(*core, in_time, [] { return true; });
    } catch (const Error&) {  // joined by another thread
    }
  }
  tell_unseen();
}

PoolCore::PoolCore(detail::PoolSetup setup)
    : setup_(std::move(setup)),
      folder_(platform::current_folder(folder_kept_)),
      here_(platform::variable_set("BROOD_INLINE")),
      processors_(static_cast<std::size_t>(platform::usable_processor_count())) {
  process::require_member();
  if (here_) {
    initialize_here();
    return;
  }
  if (const int error = platform::why_no_process_descriptors(); error == ENOSYS) {
    throw OsError(
        "pidfd_open, by which a pool watches its workers (Linux 5.3 or later; valgrind and other emulators "
        "may lack "
        "it: run the pool in the program itself there, with BROOD_INLINE=1)",
        error);
  }
  if (setup_.workers > static_cast<int>(most_lanes)) {
    throw NoMemory("no more than " + std::to_string(most_lanes) +
                   " workers fit into one process at once, not " + std::to_string(setup_.workers));
  }
  // Making the server also maps the region of lanes.
  if (!process::server_link().exists()) process::server_link().create();
  process::server_link().require_same_confinement();
  asks_.emplace();
  results_run_ = arena::allocate(sizeof(Results));
  results_ = new (arena::at(results_run_.offset, sizeof(Results))) Results{};
  used_places_ = static_cast<std::size_t>(setup_.workers);
  places_ = std::vector<Place>(used_places_ + most_substitutes(setup_.workers));
  busy_ = IndexSet(places_.size());
  for (auto& place : places_) place.restart_at = std::chrono::steady_clock::time_point::max();
  try {
    for (std::size_t i = 0; i < used_places_; ++i) start_worker(places_[i]);
    supervisor_ = own_thread([this] { supervise(); });
    helper_ = own_thread([this] { help(); });
  } catch (...) {
    abandon();
    throw;
  }
}

// Called when the pool's construction failed: ends the workers that were started.
void PoolCore::abandon() {
  {
    const Books books(*this);
    state_ = State::terminated;
    for (auto& place : places_) {
      if (place.lane != nullptr) place.child->signal(9);
    }
  }
  if (supervisor_.joinable()) {
    stop_threads();
  } else {
    stop_ = true;
    supervise();
  }
  arena::free(results_run_);
}

PoolCore::~PoolCore() {
  // A waiter woken by the end may not have returned yet.
  while (inside_.load() != 0) platform::relax();
  { const Books books(*this); }
  for (auto* thread : {&caller_, &carrier_}) {
    if (!thread->joinable()) continue;  // otherwise the pool is being destroyed by its own callback
    thread->detach();
    --process::session().own_threads;
  }
  if (results_run_) arena::free(results_run_);
}

}  // namespace pool

namespace detail {

PoolHandle::PoolHandle(PoolSetup setup) {
  auto core = std::make_shared<pool::PoolCore>(std::move(setup));
  core_ = core;
  OnExit unknown([&] { core->abandon(); });
  auto& all = pool::all_pools();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.pools, [](const auto& pool) { return pool.expired(); });
  all.pools.push_back(core);
  pool::has_pools = true;
  unknown.dismiss();
}

PoolHandle::PoolHandle(std::shared_ptr<pool::Core> borrowed) : core_(std::move(borrowed)), borrowed_(true) {}

PoolHandle::PoolHandle(PoolHandle&&) noexcept = default;
PoolHandle& PoolHandle::operator=(PoolHandle&& other) noexcept {
  if (this != &other) {
    PoolHandle old(std::move(*this));
    core_ = std::move(other.core_);
    borrowed_ = other.borrowed_;
  }
  return *this;
}

PoolHandle::~PoolHandle() {
  if (!core_ || borrowed_) return;
  if (!core_->is_of_this_process()) {
    // The pool belongs to the process that this one is a copy of; its threads do not exist here, so the core
    // is leaked.
    new std::shared_ptr<pool::Core>(std::move(core_));
    return;
  }
  for (bool ended = false; !ended;) {
    try {
      // A static pool ends with the program, and delays are reported; any other may take its time silently.
      pool::finish_work(*core_, Deadline::in(pool::patience_at_exit), &platform::is_inside_exit);
      ended = true;
    } catch (const Error&) {  // joined by another thread
      ended = true;
    } catch (const std::bad_alloc&) {
      pool::wait_for_memory();
    }
  }
  core_.reset();
  pool::tell_unseen();
}

pool::Core& PoolHandle::core() const {
  if (!core_) throw UsageError("this Pool was moved from; use the one it was moved to");
  if (!core_->is_of_this_process()) {
    throw UsageError(
        "this Pool was made in the process that this one is a copy of, and can be used there alone; a child "
        "makes a "
        "pool of its own, or a task submits to the pool that runs it: brood::this_worker::pool()");
  }
  return *core_;
}

Record& PoolHandle::submit(const TaskType& type, EncodeCall call, const CallOptions* options) {
  if (options != nullptr) {
    if (options->retries && !options->idempotent) {
      throw UsageError("retries are for tasks that may run twice: say .idempotent = true as well");
    }
    if (options->retries.value_or(0) < 0) throw UsageError("a task cannot have fewer than 0 retries");
    if (options->memory_limit == 0) throw UsageError("a memory_limit of 0 bytes lets no task run");
  }
  return core().submit(type, call, options);
}
bool PoolHandle::wait_any(const std::vector<const Record*>& records, Deadline until) {
  return core().wait_any(records, until);
}
std::size_t PoolHandle::wait_any_of(const std::vector<Record*>& records) {
  if (records.empty()) throw UsageError("wait_any() of no futures");
  for (const auto* record : records) {
    if (record == nullptr || !record->is_of_this_process()) refuse_record(record);
    if (record->source != &core()) throw UsageError("wait_any() of a future of another pool; ask that one");
  }
  Watch watch(records);
  for (;;) {
    if (const auto place = watch.take(); place != Watch::none) return place;
    watch.wait(Deadline::never());
  }
}
bool PoolHandle::can_look_after() const { return core().can_look_after(); }
Record& PoolHandle::look_after(std::shared_ptr<UnderWay> work) { return core().look_after(std::move(work)); }
void PoolHandle::close() { core().close(); }
void PoolHandle::terminate() { core().terminate(); }
bool PoolHandle::join(Deadline until) { return core().join(until); }
int PoolHandle::size() const { return core().size(); }
bool PoolHandle::each_by_itself() const { return core().each_by_itself(); }
PoolHandle::Counts PoolHandle::counts() const { return core().counts(); }

}  // namespace detail
detail::PoolSetup Pool::setup(PoolOptions options, detail::PackedCall initializer) {
  pool::require_sensible(options);
  return {options.processes ? *options.processes : usable_cpu_count(),
          std::move(initializer),
          options.max_tasks_per_child.value_or(0),
          std::move(options.name),
          options.max_worker_age.is_limited() ? options.max_worker_age.span() : std::chrono::nanoseconds{},
          options.max_worker_memory.value_or(0),
          options.memory_limit.value_or(0),
          options.restart_intensity,
          options.restart_period,
          options.max_pending.value_or(0)};
}

}  // namespace brood
