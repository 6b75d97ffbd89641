#pragma once
// The messages of copy_tree: tasks, and what they return. Paths are bytes, relative to the two roots.

#include <brood/bytes.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brood {

/// An entry that was not copied, or not completely; or a note about an entry.
struct CopyError {
  std::string path;  ///< relative path in the source
  std::string what;  ///< a sentence without the path
};

/// An attribute that could not be set on entries of the target; their data is complete.
struct CopyLack {
  std::string attribute;    ///< "owner", "group", "permissions", "times" or "setuid and setgid bits"
  bool expected = false;    ///< nothing failed: this user may not set it, so it was not tried
  std::uint64_t count = 0;  ///< entries that lack it
  std::string path;         ///< the first of them: its relative path in the source
  std::string why;          ///< the reason for the first one: "Operation not permitted"
  /// A sentence: "could not set the owner of 12 entries, the first is a/b: Operation not permitted"
  std::string to_string() const;
};

namespace detail {

/// The two roots and their identity when the copy began: a worker that finds a different file there does
/// nothing.
struct CopyRoots {
  std::string source, target;
  std::uint64_t run = 0;                 // a random number
  std::int64_t begun = 0, begun_ns = 0;  // by the clock used for file timestamps
  std::uint64_t source_device = 0, source_inode = 0, target_device = 0, target_inode = 0;
  friend bool operator==(const CopyRoots&, const CopyRoots&) = default;
};

struct CopyEntry {
  std::string name;
  std::string as;           // its name in the target, if different
  bool may_be_big = false;  // copy it whatever its size
};

/// One folder (list it, make its subfolders, copy its small files), or a batch of entries of a folder.
struct CopyTask {
  CopyRoots roots;
  std::uint64_t id = 0;  // unchanged when the task is retried
  std::uint64_t folder_id = 0;
  std::string folder;
  bool found = false;  // the folder existed in the target before
  bool list = false;
  std::vector<CopyEntry> entries;
};

struct CopyFolderEnd {  // attributes to set on a folder when everything in it is done
  std::uint32_t mode = 0, user = 0, group = 0;
  std::int64_t accessed = 0, accessed_ns = 0, modified = 0, modified_ns = 0;
};

struct CopySubfolder {
  std::string name;
  bool found = false;  // existed in the target, was not made
};

struct CopyDone {
  std::uint64_t files = 0, links = 0, folders = 0, bytes = 0;
  std::vector<CopySubfolder> subfolders;                   // to be listed
  std::vector<std::vector<CopyEntry>> batches;             // more entries of this folder
  std::vector<std::pair<std::uint64_t, std::string>> big;  // size and name of each file with its own task
  std::optional<CopyFolderEnd> end;
  std::uint64_t error_count = 0;
  std::vector<CopyError> errors;  // the first of them
  std::vector<CopyLack> lacks;    // one per attribute
  std::vector<CopyError> notes;   // the first of them
  std::string fatal;              // why it is useless to go on: the target is full or gone
};

/// The umask of this process before prepare_copy_worker changed it; 0 when that was not called.
std::uint32_t cleared_umask();

/// While this object lives, tasks that this thread runs itself end early, removing the file they are writing,
/// once `asked` returns true.
class CopyStop {
 public:
  explicit CopyStop(const std::function<bool()>& asked);
  ~CopyStop();
  CopyStop(const CopyStop&) = delete;
  CopyStop& operator=(const CopyStop&) = delete;

 private:
  const std::function<bool()>* before_;  // for nesting: a copy's progress function may make another copy
};

/// Runs a task. Idempotent: a task whose worker died is simply run again.
CopyDone run_copy_task(CopyTask task);

}  // namespace detail
}  // namespace brood
