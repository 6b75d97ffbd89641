#pragma once
// System calls of this process and all its children; begun before brood::init.

#include "counting/counters.hpp"

/// Counts in all processes that there are and will be.
const counting::Counter& system_calls();
