#pragma once
/// All of brood in one include. Each header is its own manual; start with <brood/process.hpp>.

#include <brood/codec.hpp>
#include <brood/copy.hpp>
#include <brood/errors.hpp>
#include <brood/executor.hpp>
#include <brood/function.hpp>
#include <brood/future.hpp>
#include <brood/init.hpp>
#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/progress.hpp>
#include <brood/promise.hpp>
#include <brood/queue.hpp>
#include <brood/shared.hpp>
#include <brood/shared_block.hpp>
#include <brood/timeout.hpp>
#include <brood/wait.hpp>
