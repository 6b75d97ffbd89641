#pragma once
// Finds and removes what a copy leaves behind when a task, or the whole program, is killed in the middle of
// it.
//
// A temporary file is called .brood-RUN-TASK-N after the run that made it, a random number, and the task. A
// task that uses such names holds a shared lock on their folder, which the kernel releases when the task
// dies.

#include <brood/detail/copy_task.hpp>
#include <string>

#include "platform/file.hpp"

namespace brood::detail {

std::string temporary_name(const CopyTask& task, std::uint64_t n);

/// Removes the temporary files of a dead task, and what it had begun under final names: files made since the
/// run began that are shorter than their sources and do not have their times yet, and empty folders. If the
/// filesystem does not record when a file was made, only the temporary files are removed.
void remove_unfinished(const platform::Descriptor& source_folder, const platform::Descriptor& target_folder,
                       const CopyTask& task);

/// Removes the temporary files of earlier runs in a folder that no other run is using.
void remove_leftovers(const platform::Descriptor& target_folder, const CopyRoots& roots);

}  // namespace brood::detail
