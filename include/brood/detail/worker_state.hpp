#pragma once
// What the initializer of a pool's worker returned, for the functions that take it by reference.

#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <string_view>

namespace brood::detail {

/// Its address stands for the type.
template <class S>
inline char state_tag = 0;

/// Instead of what was kept before.
void keep_state(std::shared_ptr<void> state, const void* tag);
/// Destroys it.
void drop_state();
/// Throws UsageError when nothing, or something of another type, is kept.
void* state_of(const void* tag, std::string_view type);

template <class S>
S& worker_state() {
  return *static_cast<S*>(state_of(&state_tag<S>, type_name<S>()));
}

}  // namespace brood::detail
