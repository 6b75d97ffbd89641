#include "harness.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "counting/counters.hpp"

namespace bench {
namespace {

struct Counters {
  counting::Counter nanoseconds{counting::What::nanoseconds, counting::Whose::family};
  counting::Counter system_calls{counting::What::system_calls, counting::Whose::family};
};
std::optional<Counters> counters;
Cost cost;
bool metered = false;

}  // namespace

void begin_counting() { counters.emplace(); }

bool can_count() { return Counters().nanoseconds.counts(); }

std::string what_is_not_counted() {
  const Counters here;
  return !here.nanoseconds.counts() ? here.nanoseconds.why_not() : here.system_calls.why_not();
}

Metered::Metered(double operations)
    : operations_(operations),
      nanoseconds_(counters ? counters->nanoseconds.value() : 0),
      system_calls_(counters ? counters->system_calls.value() : 0),
      begun_(seconds_now()) {
  metered = true;
}

Metered::~Metered() {
  if (counters && counters->nanoseconds.counts()) {
    cost.microseconds = static_cast<double>(counters->nanoseconds.value() - nanoseconds_) / 1e3 / operations_;
  }
  if (counters && counters->system_calls.counts())
    cost.system_calls = static_cast<double>(counters->system_calls.value() - system_calls_) / operations_;
}

Cost take_cost() { return std::exchange(cost, {}); }
bool take_metered() { return std::exchange(metered, false); }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double python(const std::string& program, double operations) {
  const Metered metered(operations);
  const std::string command = "python3 -c '" + program + "' 2>/dev/null";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  double value = -1;
  if (!pipe || std::fscanf(pipe.get(), "%lf", &value) != 1) return -1;
  return value;
}

}  // namespace bench
