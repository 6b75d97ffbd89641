#include "plants.hpp"

namespace points {

std::span<const Plant> plants() {
  static constexpr Plant all[] = {
      {"cleared_before_left", "queue_get_ready",
       "a value is cleared while it would still go back to the queue"},
      {"taken_is_lost", "queue_get_ready", "what a killed reader had taken is not put back"},
      {"complete_before_written", "queue_put_more", "a block counts as whole before the value is in it"},
      {"published_before_written", "queue_put_small", "a cell counts as full before the value is in it"},
      {"left_unsealed", "queue_put_small_goes_on", "a second writer does not seal the first one's ring"},
      {"repair_wakes_nobody", "queue_put_to_sleeper", "whom a killed writer owed a wake-up sleeps on"},
      {"no_look_before_sleep", "queue_get_waiting_goes_on", "a reader falls asleep without a last look"},
      {"noted_before_counted", "worker_names", "a reference is noted before it is counted"},
      {"dead_keeps_memory", "worker_result_in_run", "the memory of a dead worker is not freed"},
      {"not_marked_as_running", "worker_small", "a task that has begun still looks as if it had not"},
      {"done_before_result", "worker_small", "a task counts as done before its result is there"},
      {"pid_told_by_the_server", "start_in_server", "a child is known only once its server says so"},
  };
  return all;
}

}  // namespace points
