#pragma once
// Kinds of objects that messages may name.

#include "arena/references.hpp"

namespace brood::channel {

/// Calls arena::register_kind, and from then on lets messages hold the objects they name.
void register_kind(std::uint32_t kind, arena::Repair repair, arena::Destroy destroy);

}  // namespace brood::channel
