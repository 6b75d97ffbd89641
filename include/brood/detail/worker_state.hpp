#pragma once
// The object returned by a pool's initializer, for the functions that take it by reference.

#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <string_view>

namespace brood::detail {

/// The address of this variable identifies the type.
template <class S>
inline char state_tag = 0;

/// Keeps the state, replacing the one kept before.
void keep_state(std::shared_ptr<void> state, const void* tag);
/// Destroys the state.
void drop_state();
/// The state. Throws UsageError when none, or one of another type, is kept.
void* state_of(const void* tag, std::string_view type);

template <class S>
S& worker_state() {
  return *static_cast<S*>(state_of(&state_tag<S>, type_name<S>()));
}

}  // namespace brood::detail
