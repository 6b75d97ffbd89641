#include "stop_signals.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace tool {
namespace {

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};
std::atomic<int> first = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void keep(int signal) {
  int none = 0;
  if (first.compare_exchange_strong(none, signal)) return;
  std::signal(signal, SIG_DFL);
  raise(signal);  // it comes when this returns
}

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action {};
  action.sa_handler = keep;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
      sigaction(signal, &action, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (const int signal : signals) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == keep) std::signal(signal, SIG_DFL);
  }
}

int StopSignals::caught() { return first; }

std::string StopSignals::name() {
  const char* text = sigabbrev_np(first);
  return text != nullptr ? std::string("SIG") + text : "a signal";
}

void StopSignals::end_by_it() {
  const int signal = first;
  if (signal == 0) return;
  std::fflush(nullptr);
  std::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace tool
