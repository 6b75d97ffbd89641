#pragma once
#include "platform/waits.hpp"

namespace brood::platform {

/// The table in which this process notes its waits; null: none. Async-signal-safe.
const WaitTable* wait_table();

}  // namespace brood::platform
