#pragma once
// All children of this process that have not been seen to end: the program owns them, whatever becomes of
// handles.

#include <memory>
#include <mutex>
#include <vector>

namespace brood::process {

class Child;

class Registry {
 public:
  /// While it lives one child can be added without memory: a process that runs must not be forgotten.
  class Room {
   public:
    explicit Room(Registry& registry);
    ~Room();
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

   private:
    Registry& registry_;
  };
  void add(const std::shared_ptr<Child>& child);
  void remove(const Child* child);
  std::vector<std::shared_ptr<Child>> all();

  /// Reaps what has ended; true when a slot for another start came free.
  bool make_room();
  /// Waits until no start is under way.
  void settle();
  /// The end of this process: daemons get SIGTERM, then SIGKILL, the others are joined.
  void end_all();
  void become_new_process();

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Child>> children_;
  std::size_t rooms_ = 0;
};

Registry& registry();

/// One at a time posts to the server.
std::mutex& start_mutex();

}  // namespace brood::process
