#pragma once
// What a copy leaves behind when a task, or the whole program, is killed in the middle of it; and how it is
// found again.
//
// A temporary file is called .brood-RUN-TASK-N: the run that made it, by a random number, and the task. A
// task that uses such names holds a shared lock on their folder, which the kernel takes back when it dies.

#include <brood/detail/copy_task.hpp>
#include <string>

#include "platform/file.hpp"

namespace brood::detail {

std::string temporary_name(const CopyTask& task, std::uint64_t n);

/// After the death of a task: removes its temporary files, and what it had begun under final names: files
/// that were made since the run began, are shorter than their sources, and do not have their times yet;
/// folders that are empty. Where the filesystem does not tell when a file was made, only the temporary ones.
void remove_unfinished(const platform::Descriptor& source_folder, const platform::Descriptor& target_folder,
                       const CopyTask& task);

/// Removes the temporary files of earlier runs in a folder where no other run is at work.
void remove_leftovers(const platform::Descriptor& target_folder, const CopyRoots& roots);

}  // namespace brood::detail
