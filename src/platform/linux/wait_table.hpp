#pragma once
#include "platform/waits.hpp"

namespace brood::platform {

/// Where this process notes its waits; null: nowhere. Safe in a handler of a signal.
const WaitTable* wait_table();

}  // namespace brood::platform
