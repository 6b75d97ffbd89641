// What short-lived writers cost: the memory of a queue, and the time of a value, against how many writers put
// them. Nobody reads until all have been put.

#include <brood/brood.hpp>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace bench {
namespace {

constexpr int values = 20'000;

double shared_kibibytes() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssShmem:")) return std::stod(line.substr(9));
  }
  return -1;
}

void put(brood::Queue<std::string>& to, int n) {
  for (int i = 0; i < n; ++i) to.put("a string of some length that a line of a log might have");
}

enum class Order { one_after_another, at_once };

void put_all(brood::Queue<std::string>& to, int writers, Order order) {
  std::vector<std::thread> all;
  for (int i = 0; i < writers; ++i) {
    all.emplace_back([&] { put(to, values / writers); });
    if (order == Order::one_after_another) all.back().join();
  }
  for (auto& each : all) {
    if (each.joinable()) each.join();
  }
}

// With the threads that put them.
double microseconds_of_a_value(int writers, Order order) {
  brood::Queue<std::string> queue;
  const Metered metered(values);
  put_all(queue, writers, order);
  return metered.seconds() / values * 1e6;
}

// By how much the shared memory that is present in a new process grows: what the bench has met before does
// not count.
double mebibytes_here(int writers, Order order) {
  const double before = shared_kibibytes();
  brood::Queue<std::string> queue;
  put_all(queue, writers, order);
  return (shared_kibibytes() - before) / 1024;
}
double mebibytes(int writers, Order order) {
  brood::Pool pool(1);
  return pool.apply(mebibytes_here, writers, order);
}

std::vector<Contender> for_each_number(double (*measure)(int, Order), Order order) {
  std::vector<Contender> all;
  for (const int writers : {1000, 100, 10, 1}) {
    const auto who = writers == 1000 ? std::string("brood") : "brood, " + std::to_string(writers);
    all.push_back({who, [=] { return measure(writers, order); }});
  }
  return all;
}

}  // namespace

std::vector<Case> queue_growth_cases() {
  using enum Order;
  return {
      {"Queue, 20,000 strings of 1,000 writers in turn", "us", false,
       for_each_number(microseconds_of_a_value, one_after_another)},
      {"Queue, 20,000 strings of 1,000 writers at once", "us", false,
       for_each_number(microseconds_of_a_value, at_once)},
      {"Queue, memory of 20,000 strings of 1,000 writers in turn", "MiB", false,
       for_each_number(mebibytes, one_after_another)},
      {"Queue, memory of 20,000 strings of 1,000 writers at once", "MiB", false,
       for_each_number(mebibytes, at_once)},
  };
}

}  // namespace bench
