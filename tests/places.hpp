#pragma once
// Where children are: under each start method, and the first and the replaced workers of a pool.

#include <gtest/gtest.h>

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <chrono>
#include <string>

namespace places {

enum class Place { forkserver, fork, spawn, first_worker, replaced_worker };

template <auto look>
void tell_what_is_seen(brood::Queue<std::string> to) {
  to.put(look());
}

inline void use_one_up() {}

/// What look() returns there.
template <auto look>
std::string seen_in(Place place) {
  if (place == Place::first_worker || place == Place::replaced_worker) {
    brood::Pool pool({.processes = 1, .max_tasks_per_child = 1});
    if (place == Place::replaced_worker) pool.apply_async(use_one_up).get(std::chrono::seconds(15));
    return pool.apply_async(look).get(std::chrono::seconds(15));
  }
  const auto method = place == Place::forkserver ? brood::StartMethod::forkserver
                      : place == Place::fork     ? brood::StartMethod::fork
                                                 : brood::StartMethod::spawn;
  brood::Queue<std::string> answer;
  brood::Process process({.method = method}, tell_what_is_seen<look>, answer);
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  return answer.try_get().value_or("nothing");
}

inline std::string place_name(const testing::TestParamInfo<Place>& info) {
  constexpr const char* names[] = {"forkserver", "fork", "spawn", "first_worker", "replaced_worker"};
  return names[static_cast<int>(info.param)];
}

#define BROOD_EACH_PLACE(suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(                                                                 \
      in, suite,                                                                            \
      testing::Values(places::Place::forkserver, places::Place::fork, places::Place::spawn, \
                      places::Place::first_worker, places::Place::replaced_worker),         \
      places::place_name)

}  // namespace places
