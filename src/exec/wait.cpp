#include <algorithm>
#include <brood/wait.hpp>

namespace brood::detail {

namespace {
// Of different pools none wakes for all: they are asked in turn.
constexpr auto turn = std::chrono::milliseconds(1);
}  // namespace

bool wait_for_any(const std::vector<const Record*>& records, Deadline until) {
  if (records.empty()) return true;
  std::vector<TaskSource*> sources;
  for (const auto* record : records) {
    if (record->is_done()) return true;
    if (std::ranges::find(sources, record->source) == sources.end()) sources.push_back(record->source);
  }
  if (sources.size() == 1) return sources.front()->wait_any(records, until);
  for (;;) {
    for (auto* source : sources) {
      std::vector<const Record*> of_it;
      std::ranges::copy_if(records, std::back_inserter(of_it),
                           [&](const Record* record) { return record->source == source; });
      if (source->wait_any(of_it, until.at_most(turn))) return true;
    }
    if (until.passed()) return false;
  }
}

}  // namespace brood::detail
