#pragma once
// What copy_tree ships: tasks to wherever they run, and what comes back. Paths are bytes, relative to the two
// roots.

#include <brood/bytes.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brood {

/// An entry that was not copied, or not wholly; or one with something to say about it.
struct CopyError {
  std::string path;  ///< in the source, relative
  std::string what;  ///< a sentence without the path
};

/// An attribute that entries of the target lack although all their data is there.
struct CopyLack {
  std::string attribute;    ///< "owner", "group", "permissions", "times" or "setuid and setgid bits"
  bool expected = false;    ///< nothing failed: this user may not set it, so that it was not tried
  std::uint64_t count = 0;  ///< entries that lack it
  std::string path;         ///< the first of them: in the source, relative
  std::string why;          ///< for the first: "Operation not permitted"
  /// "could not set the owner of 12 entries, the first is a/b: Operation not permitted"
  std::string to_string() const;
};

namespace detail {

/// The two roots, and what they were when the copy began: a worker that finds something else there does
/// nothing.
struct CopyRoots {
  std::string source, target;
  std::uint64_t run = 0;                 // a random number
  std::int64_t begun = 0, begun_ns = 0;  // by the clock that files are stamped by
  std::uint64_t source_device = 0, source_inode = 0, target_device = 0, target_inode = 0;
  friend bool operator==(const CopyRoots&, const CopyRoots&) = default;
};

struct CopyEntry {
  std::string name;
  std::string as;           // its name in the target, where it is another
  bool may_be_big = false;  // copy it whatever its size
};

/// One folder (list it, make its subfolders, copy its small files), or a batch of entries of a folder.
struct CopyTask {
  CopyRoots roots;
  std::uint64_t id = 0;  // the same when it is tried again
  std::uint64_t folder_id = 0;
  std::string folder;
  bool found = false;  // the folder was in the target before
  bool list = false;
  std::vector<CopyEntry> entries;
};

struct CopyFolderEnd {  // what a folder gets when all in it is done
  std::uint32_t mode = 0, user = 0, group = 0;
  std::int64_t accessed = 0, accessed_ns = 0, modified = 0, modified_ns = 0;
};

struct CopySubfolder {
  std::string name;
  bool found = false;  // in the target, not made
};

struct CopyDone {
  std::uint64_t files = 0, links = 0, folders = 0, bytes = 0;
  std::vector<CopySubfolder> subfolders;                   // to be listed
  std::vector<std::vector<CopyEntry>> batches;             // more of this folder
  std::vector<std::pair<std::uint64_t, std::string>> big;  // size and name: files for a task of their own
  std::optional<CopyFolderEnd> end;
  std::uint64_t error_count = 0;
  std::vector<CopyError> errors;  // the first of them
  std::vector<CopyLack> lacks;    // one for each attribute
  std::vector<CopyError> notes;   // the first of them
  std::string fatal;              // no use to go on: the target is full or gone
};

/// What umask was in this process before prepare_copy_worker; 0 when that was not called.
std::uint32_t cleared_umask();

/// While it lives, tasks that this thread runs itself end early, their file in hand removed, once `asked`
/// says so.
class CopyStop {
 public:
  explicit CopyStop(const std::function<bool()>& asked);
  ~CopyStop();
  CopyStop(const CopyStop&) = delete;
  CopyStop& operator=(const CopyStop&) = delete;

 private:
  const std::function<bool()>* before_;  // of a copy whose progress makes another copy
};

/// Does a task. Idempotent: a task whose worker died is simply done again.
CopyDone run_copy_task(CopyTask task);

}  // namespace detail
}  // namespace brood
