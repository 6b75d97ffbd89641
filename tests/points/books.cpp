// In the program under test: the turns of a trial, and what must be left after it: nothing.

#include <dirent.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "nothing_left.hpp"
#include "platform/park.hpp"
#include "process/server.hpp"
#include "scenario.hpp"

namespace points {
namespace {

bool sleeps(pid_t thread) {
  std::ifstream in("/proc/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(in, text);
  const auto end = text.rfind(") ");
  return end == std::string::npos || text[end + 2] == 'S' || text[end + 2] == 'Z';
}

char state_of(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  const auto end = text.rfind(") ");
  return end == std::string::npos ? '?' : text[end + 2];
}

// What is counted before and after a trial.
struct Left {
  std::size_t descriptors = nothing_left::open_descriptors();
  std::uint32_t chunks = brood::arena::chunks_in_use();
  std::uint32_t members = brood::arena::member_count();
  std::size_t strangers =
      0;  // children that are not server or standby; of dead servers one may wait to be reaped

  Left() {
    std::size_t dead = 0;
    for (const int pid : nothing_left::children()) {
      if (pid == server_pid() || pid == standby_pid()) continue;
      if (state_of(pid) == 'Z')
        ++dead;
      else
        ++strangers;
    }
    strangers += dead > 2 ? dead - 2 : 0;
  }
  bool operator==(const Left&) const = default;
  std::string text() const {
    std::ostringstream out;
    out << descriptors << " descriptors, " << chunks << " chunks, " << members << " members, " << strangers
        << " other children";
    return out.str();
  }
};

void run_once(const Scenario& scenario, bool first) {
  Books books;
  const Left before;
  try {
    scenario.run(books);
  } catch (const std::exception& e) {
    books.check(false, std::string("an exception leaves the scenario: ") + e.what());
  }
  // The first trial makes what a process makes once.
  if (first || scenario.kills_program) return;
  if (!nothing_left::soon([&] { return Left() == before; }, std::chrono::seconds(4))) {
    books.check(false, "left behind: " + Left().text() + "; before: " + before.text());
  }
}

}  // namespace

void Books::check(bool so, const std::string& what) {
  if (so) return;
  auto& text = stage().failures;
  const auto length = std::strlen(text);
  std::snprintf(text + length, sizeof text - length, "%s%s", length == 0 ? "" : "; ", what.c_str());
}

void Books::quietly(FunctionRef<void()> f) {
  try {
    f();
  } catch (const std::exception& e) {
    check(false, std::string("an exception: ") + e.what());
  }
}

void Books::others(pid_t party, FunctionRef<void()> act) {
  const auto due = [] { return stage().killed.load() != 0 || stage().phase.load() != 0; };
  wait_for([&] { return stage().go.load() != 0 || due(); }, patience);  // until then it sleeps at the mark
  int asleep = 0;
  wait_for(
      [&] {
        asleep = sleeps(party) ? asleep + 1 : 0;
        if (due() || asleep >= 2) return true;
        usleep(200);
        return false;
      },
      patience);
  act();
  await_end_of_stepping();
}

void Books::await_end_of_stepping() {
  if (stage().announced.load() == 0) return;
  wait_for([] { return stage().phase.load() != static_cast<std::uint32_t>(Phase::running); }, patience);
  stage().acted.store(1);
  ring();
  wait_for([] { return stage().phase.load() == static_cast<std::uint32_t>(Phase::over); }, patience);
}

int obey(const Scenario& scenario) {
  bool first = true;
  for (std::uint32_t last = 0;;) {
    if (!wait_for([&] { return stage().order.load() != last; }, 1h)) return 1;
    last = stage().order.load();
    if (last == ~0U) return 0;
    run_once(scenario, std::exchange(first, false));
    stage().done.store(last);
    ring();
  }
}

std::string body(int number, std::size_t size) {
  std::string text = std::to_string(number) + ":";
  auto random = static_cast<std::uint32_t>(number) * 2654435761U + 1;
  while (text.size() < size) {
    random = random * 1664525U + 1013904223U;
    text += static_cast<char>('a' + (random >> 24) % 26);
  }
  return text;
}

int number_of(const std::string& text) {
  const int number = std::atoi(text.c_str());
  return text == body(number, text.size()) ? number : -1;
}

pid_t server_pid() { return static_cast<pid_t>(brood::process::server_link().control()->server.load()); }
pid_t standby_pid() { return static_cast<pid_t>(brood::process::server_link().control()->standby.load()); }
std::uint64_t park_function() { return reinterpret_cast<std::uint64_t>(&brood::platform::park); }
std::uint64_t server_bell() {
  return reinterpret_cast<std::uint64_t>(&brood::process::server_link().control()->bell);
}

}  // namespace points
