#pragma once
// Peers out of libraries that may be missing where this is built: then the case says that they are absent.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bench::peers {

/// "Boost.Asio thread_pool 1.81", or without a version where it is absent.
std::string asio_name();
/// M/s and us, as the cases of tasks; negative: absent.
double asio_tasks(int n, int workers);
double asio_latency(int n, int workers);

/// Workers beside the caller; `f` is the task. M/s and us.
std::string tbb_name();
double tbb_tasks(int n, int workers, int (*f)(int));
double tbb_latency(int n, int workers, int (*f)(int));
/// Seconds for n calls f(argument) at once, each of which gives its argument back.
double tbb_seconds(int n, int workers, int (*f)(int), int argument);
/// M/s of calls of a fib(n) that makes a task of each.
double tbb_fib(int n, int workers);

std::string openmp_name();
double openmp_tasks(int n, int workers, int (*f)(int));
double openmp_fib(int n, int workers);

/// What is encoded: 48 bytes without padding.
struct Body {
  double x, y, z, mass;
  std::uint64_t id;
  std::int64_t kind;
};
std::string cereal_name();
/// ms to encode and decode.
double cereal_bodies(const std::vector<Body>& bodies);
double cereal_words(const std::map<std::string, std::string>& words);

std::string message_queue_name();
/// M/s of values of 64 bytes between two processes.
double message_queue(int n);

/// M/s through a pipe, a write and a read for each value of 64 bytes.
double pipe_values(int n);
/// us for a round trip of one byte through a socketpair.
double socket_latency(int n);

}  // namespace bench::peers
