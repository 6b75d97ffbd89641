#pragma once
// Kinds of objects that messages may name.

#include "arena/references.hpp"

namespace brood::channel {

/// As arena::register_kind; and messages hold what they name from then on.
void register_kind(std::uint32_t kind, arena::Repair repair, arena::Destroy destroy);

}  // namespace brood::channel
