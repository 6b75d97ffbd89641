#include "harness.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace bench {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double python(const std::string& program) {
  const std::string command = "python3 -c '" + program + "' 2>/dev/null";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  double value = -1;
  if (!pipe || std::fscanf(pipe.get(), "%lf", &value) != 1) return -1;
  return value;
}

}  // namespace bench
