#include <brood/detail/worker_state.hpp>
#include <brood/errors.hpp>
#include <string>
#include <utility>

namespace brood::detail {
namespace {

struct State {
  std::shared_ptr<void> object;
  const void* tag = nullptr;
};
State kept;

}  // namespace

void keep_state(std::shared_ptr<void> state, const void* tag) { kept = {std::move(state), tag}; }
void drop_state() { kept = {}; }

void* state_of(const void* tag, std::string_view type) {
  if (kept.tag == tag) return kept.object.get();
  const std::string wanted(type);
  if (kept.tag != nullptr) {
    throw UsageError("the initializer of this pool returned something else than the " + wanted +
                     " that the task takes by reference");
  }
  throw UsageError("a task takes a " + wanted +
                   " by reference, but there is none here: let the pool's initializer return one, as in "
                   "Pool pool(4, make_model)");
}

}  // namespace brood::detail
