#pragma once
// Submits a call as a task.

#include <brood/detail/pool_core.hpp>
#include <brood/future.hpp>
#include <optional>
#include <tuple>
#include <type_traits>

namespace brood::detail {

template <class F>
constexpr std::string_view function_name() {
  return type_name<F>();
}
template <class F>
  requires requires { F::name(); }
constexpr std::string_view function_name() {
  return F::name();
}

/// True when an encoded call begins with the address of a function, whose name is then the task's.
template <class F>
inline constexpr bool begins_with_pointer = is_function_pointer<F>;

template <class CallType, class F>
inline constexpr TaskType task_type{&CallType::run, function_name<F>(), begins_with_pointer<F>,
                                    &CallType::tell};

template <class F, class... Args>
using CallResult = typename CallFor<F, Args...>::Result;

/// Submits a call whose arguments already have the types in which they travel.
template <class F, class... To>
Record& submit_record(PoolHandle& pool, const CallOptions* options, const F& f, const To&... stored) {
  using CallType = Call<F, std::tuple<To...>>;
  using Result = typename CallType::Result;
  if constexpr (!std::is_void_v<Result>) static_assert(travels<Result>);
  const auto write = [&](Writer& to) { CallType::encode_call(to, f, stored...); };
  return pool.submit(task_type<CallType, F>, EncodeCall::by(write), options);
}
template <class F, class... To>
auto submit_stored(PoolHandle& pool, const CallOptions* options, const F& f, const To&... stored) {
  using Result = typename Call<F, std::tuple<To...>>::Result;
  return Future<Result>(submit_record<F, To...>(pool, options, f, stored...));
}
template <class F, class... Args>
auto submit(PoolHandle& pool, const CallOptions* options, F&& f, Args&&... args) {
  using Function = std::decay_t<F>;
  return [&]<class... To>(std::type_identity<std::tuple<To...>>) {
    // Values converted by as_stored live until the end of this expression.
    return submit_stored<Function, To...>(pool, options, f, as_stored<To>(std::forward<Args>(args))...);
  }(std::type_identity<Stored<Function, Args...>>{});
}

/// The chunksize option of a map: 0 when none was given. Throws UsageError for an invalid one.
int checked_chunksize(const CallOptions& options);
/// The number of calls per task; 0: chosen by measurement. Nothing when each call must be a task of its own,
/// as with options that apply to each call separately.
std::optional<std::size_t> chunksize_for(const PoolHandle& pool, const CallOptions* options);

}  // namespace brood::detail
