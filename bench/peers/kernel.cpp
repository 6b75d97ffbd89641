// What the kernel has itself.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "floors/shared.hpp"
#include "harness.hpp"
#include "peers/peers.hpp"

namespace bench::peers {

using Value = std::array<std::uint64_t, 8>;

double pipe_values(int n) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  double rate = -1;
  {
    const Metered metered(n);
    const floors::Forked writer([&] {
      for (int i = 0; i < n; ++i) {
        const Value value{static_cast<std::uint64_t>(i)};
        if (write(ends[1], &value, sizeof value) != sizeof value) return;
      }
    });
    std::uint64_t wrong = 0;
    for (int i = 0; i < n; ++i) {
      Value value{};
      if (read(ends[0], &value, sizeof value) != sizeof value) ++wrong;
      wrong += value[0] != static_cast<std::uint64_t>(i);
    }
    rate = wrong == 0 ? n / metered.seconds() / 1e6 : -1;
  }
  close(ends[0]);
  close(ends[1]);
  return rate;
}

double socket_latency(int n) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
  double each = -1;
  {
    const floors::Forked other([&] {
      char c = 0;
      for (int i = 0; i < n; ++i) {
        if (read(ends[1], &c, 1) != 1 || write(ends[1], &c, 1) != 1) return;
      }
    });
    bool well = true;
    char c = 'x';
    each = microseconds_each(
        n, [&](int) { well = well && write(ends[0], &c, 1) == 1 && read(ends[0], &c, 1) == 1; });
    if (!well) each = -1;
  }
  close(ends[0]);
  close(ends[1]);
  return each;
}

}  // namespace bench::peers
