#pragma once
// Peers out of libraries that may be missing where this is built: then the case says that they are absent.

#include <functional>
#include <string>

namespace bench::peers {

/// "Boost.Asio thread_pool 1.81", or without a version where it is absent.
std::string asio_name();
/// M/s and us, as the cases of tasks; negative: absent.
double asio_tasks(int n, int workers);
double asio_latency(int n, int workers);

std::string message_queue_name();
/// M/s of values of 64 bytes between two processes.
double message_queue(int n);

/// M/s through a pipe, a write and a read for each value of 64 bytes.
double pipe_values(int n);
/// us for a round trip of one byte through a socketpair.
double socket_latency(int n);

}  // namespace bench::peers
