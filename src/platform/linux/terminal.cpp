#include "platform/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace brood::platform {

std::chrono::steady_clock::time_point rough_time() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                               std::chrono::nanoseconds(now.tv_nsec));
}

int terminal_columns(int descriptor) {
  winsize size{};
  if (isatty(descriptor) == 0) return 0;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

Descriptor terminal_of(std::uint32_t process) {
  char link[40], path[200];
  std::snprintf(link, sizeof link, "/proc/%u/fd/2", process);
  const auto length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return {};
  path[length] = 0;
  if (std::strncmp(path, "/dev/", 5) != 0) return {};
  Descriptor terminal(above_standard(open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC)));
  return terminal && isatty(terminal.get()) != 0 ? std::move(terminal) : Descriptor();
}

void write_to_terminal(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto n = write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == 0) continue;
    return strcasestr(value, "utf-8") != nullptr || strcasestr(value, "utf8") != nullptr;
  }
  return false;
}

}  // namespace brood::platform
