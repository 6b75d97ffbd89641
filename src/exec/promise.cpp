#include <brood/detail/watch.hpp>
#include <brood/promise.hpp>
#include <brood/task_errors.hpp>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <unordered_map>

#include "base/immortal.hpp"
#include "platform/waits.hpp"

namespace brood::detail {
namespace {

// One mutex and one condition variable for all promises: nobody counts nanoseconds here.
class Promises final : public TaskSource {
 public:
  bool wait(Record& record, Deadline until) override {
    return wait_until(until, [&] { return record.is_done(); });
  }
  bool wait_any(const Watch& watch, Deadline until) override {
    return wait_until(until, [&] { return watch.has_some(); });
  }
  void attend() override {}  // the thread that keeps the promise runs the callbacks
  bool running(Record& record) override {
    const std::lock_guard lock(mutex_);
    const auto it = unkept_.find(&record);
    return it != unkept_.end() && it->second.begun;
  }
  bool cancel(Record& record, bool) override {
    {
      const std::lock_guard lock(mutex_);
      const auto it = unkept_.find(&record);
      if (it == unkept_.end() || it->second.begun) return false;
      it->second.begun = true;  // reserves it for this cancellation
    }
    end({&record, 0}, std::make_exception_ptr(Cancelled("the promise was cancelled before it was kept")));
    return true;
  }

  Promised make() {
    Record& record = take_record(*this);
    const std::lock_guard lock(mutex_);
    unkept_[&record] = {++last_number_, false};
    return {&record, last_number_};
  }
  bool begin(const Promised& promised) {
    const std::lock_guard lock(mutex_);
    const auto it = unkept_.find(promised.record);
    if (it == unkept_.end() || it->second.number != promised.number) return false;
    it->second.begun = true;
    return true;
  }
  // Called by the thread that has begun it.
  void end(const Promised& promised, const std::exception_ptr& error) {
    bool calls = false;
    {
      const std::lock_guard lock(mutex_);
      unkept_.erase(promised.record);
      promised.record->error = error;
      calls = finish_record(*promised.record);
    }
    bell_.notify_all();
    if (calls) run_callbacks([](const std::string& text) { std::fputs(text.c_str(), stderr); });
  }

 private:
  struct Unkept {
    std::uint64_t number = 0;
    bool begun = false;
  };
  template <class So>
  bool wait_until(Deadline until, So so) {
    const auto what = [](platform::WaitText& text) {
      text << "Future::get of a Promise that nobody has kept";
    };
    platform::WaitNote waiting(what);
    std::unique_lock lock(mutex_);
    while (!so()) {
      if (until.passed()) return false;
      const auto next = until.at_most(waiting.patience());
      if (next.is_never())
        bell_.wait(lock);
      else
        bell_.wait_for(lock, next.left());
    }
    return true;
  }

  std::mutex mutex_;
  std::condition_variable bell_;
  std::unordered_map<const Record*, Unkept> unkept_;
  std::uint64_t last_number_ = 0;
};

Promises& promises() {
  static Immortal<Promises> it;
  return *it;
}

}  // namespace

Promised make_promise() { return promises().make(); }
bool begin_promise(const Promised& promised) { return promises().begin(promised); }
void refuse_null_exception() {
  throw UsageError(
      "set_exception() was given a null pointer, which is no exception; give it std::current_exception() "
      "inside "
      "a catch block, or std::make_exception_ptr(...)");
}
void end_promise(const Promised& promised, const std::exception_ptr& error) {
  promises().end(promised, error);
}

}  // namespace brood::detail
