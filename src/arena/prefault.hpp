#pragma once
// Makes the pages of large values present with one system call, the first time that this process uses their
// chunks: a page fault for each costs several times as much.

#include <cstddef>
#include <cstdint>

namespace brood::arena {

/// Makes chunks [begin, end) of the `count` at `chunks` present, as far as this process has not done so.
/// Their pages may have gone since; then they come one by one. Without memory it does nothing.
void prefault(std::byte* chunks, std::uint32_t count, std::uint64_t begin, std::uint64_t end);
/// In a new process: its parent's pages are not its own.
void forget_prefaulted();

}  // namespace brood::arena
