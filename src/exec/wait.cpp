#include <algorithm>
#include <brood/errors.hpp>
#include <brood/wait.hpp>
#include <string>

namespace brood::detail {

namespace {

// Even after the deadline each source is asked once for the results it has.
void wait_for_all(const std::vector<Record*>& records, Deadline until) {
  std::vector<const TaskSource*> late;
  for (auto* const record : records) {
    if (record->is_done() || std::ranges::find(late, record->source) != late.end()) continue;
    if (!record->source->wait(*record, until)) late.push_back(record->source);
  }
}

// Waits until one has ended or, if `failed`, until one has failed or all have ended.
void wait_for_one(const std::vector<Record*>& records, bool failed, Deadline until) {
  Watch watch(records);
  for (std::size_t left = records.size(); left > 0;) {
    const auto place = watch.take();
    if (place == Watch::none) {
      if (!watch.wait(until)) return;
      continue;
    }
    if (!failed || records[place]->error) return;
    --left;
  }
}

}  // namespace

const std::vector<Record*>& require_valid(const std::vector<Record*>& records) {
  for (const auto* record : records) {
    if (record == nullptr || !record->is_of_this_process()) refuse_record(record);
  }
  return records;
}

Waited wait(const std::vector<Record*>& records, When when, Deadline until) {
  require_valid(records);
  if (when == When::all_completed)
    wait_for_all(records, until);
  else
    wait_for_one(records, when == When::first_exception, until);
  Waited now;
  for (std::size_t i = 0; i < records.size(); ++i) {
    (records[i]->is_done() ? now.done : now.not_done).push_back(i);
  }
  return now;
}

std::size_t take_next(Watch& watch, Deadline until, std::size_t missing, std::size_t all) {
  for (;;) {
    if (const auto place = watch.take(); place != Watch::none) return place;
    if (!watch.wait(until)) {
      throw TimeoutError(std::to_string(missing) + " (of " + std::to_string(all) +
                         ") tasks have not ended in time; they go on");
    }
  }
}

}  // namespace brood::detail
