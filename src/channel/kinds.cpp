#include "channel/kinds.hpp"

#include <brood/detail/names.hpp>

namespace brood::channel {

void register_kind(std::uint32_t kind, arena::Repair repair, arena::Destroy destroy) {
  detail::set_name_book({[](std::uint64_t object) { arena::hold(object); }, &arena::let_go});
  arena::register_kind(kind, repair, destroy);
}

}  // namespace brood::channel
