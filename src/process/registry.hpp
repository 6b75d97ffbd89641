#pragma once
// All children of this process whose end has not been noticed. The process owns them, whatever becomes of
// their handles.

#include <memory>
#include <mutex>
#include <vector>

namespace brood::process {

class Child;

class Registry {
 public:
  /// While a Room exists, one child can be added without allocating: a running process must not be forgotten.
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

  /// Takes the servers' answers; true if a slot for another start is free, false if none became free in time.
  bool make_room();
  /// Waits until no start is under way.
  void settle();
  /// Ends this process's children: daemons get SIGTERM, then SIGKILL; the others are joined.
  void end_all();
  void become_new_process();

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Child>> children_;
  std::size_t rooms_ = 0;
};

Registry& registry();

/// Held while posting: one thread posts to the server at a time.
std::mutex& start_mutex();

}  // namespace brood::process
