#pragma once
// A call as a task.

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

/// The bytes of its calls begin with the address of a function, whose name is the task's.
template <class F>
inline constexpr bool begins_with_pointer = is_function_pointer<F>;

template <class CallType, class F>
inline constexpr TaskType task_type{&CallType::run, function_name<F>(), begins_with_pointer<F>,
                                    &CallType::tell};

template <class F, class... Args>
using CallResult = typename CallFor<F, Args...>::Result;

/// The arguments are what travels.
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
    // What as_stored converts lives until the end of this expression.
    return submit_stored<Function, To...>(pool, options, f, as_stored<To>(std::forward<Args>(args))...);
  }(std::type_identity<Stored<Function, Args...>>{});
}

/// Of map: 0 when none was given. Throws UsageError.
int checked_chunksize(const CallOptions& options);
/// How many calls to put into a task, 0: as measured; nothing where each call is a task of its own, as when
/// what holds for each call by itself is asked for.
std::optional<std::size_t> chunksize_for(const PoolHandle& pool, const CallOptions* options);

}  // namespace brood::detail
