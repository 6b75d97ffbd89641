// Asynchronous maps. A thread of the pool, the carrier, drives them. It runs the user's codecs, so nothing
// else depends on it. Taking in a result wakes it.

#include <brood/errors.hpp>

#include "pool/pool_core.hpp"
#include "process/session.hpp"

namespace brood::pool {

Record& PoolCore::look_after(std::shared_ptr<detail::UnderWay> work) {
  process::require_member();
  std::list<Work> made;
  made.push_back({std::move(work), nullptr});
  Work& it = made.back();
  {
    const Books books(*this);
    require_open();
    if (!carrier_.joinable()) carrier_ = own_thread([pool = shared_from_this()] { pool->carry_on(); });
    it.record = &detail::take_record(*this);
    ++works_;  // from here on the pool's end waits for this work
  }
  Record& record = *it.record;
  // Submits the first tasks at once.
  if (it.work->go_on()) {
    end_work(it);
    return record;
  }
  {
    const Books books(*this);
    new_works_.splice(new_works_.end(), made);
    if (waiters_.load() == 0) {
      want(Wanted::low);
      turn_if_possible();
    }
  }
  works_go_on_.wake_all();
  return record;
}

void PoolCore::end_work(Work& ended) {
  ended.record->error = ended.work->failure();
  detail::finish_record(*ended.record);
  {
    const Books books(*this);
    --works_;
  }
  results_->ready.wake_all();
  callbacks_.wake_all();
}

void PoolCore::carry_on() {
  carrier_of_ = this;
  std::list<Work> works;
  for (;;) {
    const auto seen = works_go_on_.prepare();
    {
      const Books books(*this);
      if (stop_) return;  // no work is left: join() has waited for it
      works.splice(works.end(), new_works_);
    }
    works.remove_if([this](Work& each) {
      if (!each.work->go_on()) return false;
      end_work(each);
      return true;
    });
    works_go_on_.sleep(seen, Deadline::never());
  }
}

}  // namespace brood::pool
