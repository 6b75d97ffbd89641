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
  std::uint32_t members = brood::arena::member_count();
  std::uint32_t owned = 0;    // chunks that belong to a process, living or dead
  std::uint32_t objects = 0;  // chunks that belong to shared objects
  std::size_t children = 0;   // that are not server or standby; the last dead server may wait to be reaped

  Left() {
    using brood::arena::ChunkWord;
    brood::arena::for_each_in_use([this](std::uint64_t, ChunkWord word) {
      ++(word.owner() != 0 || word.state() == ChunkWord::claimed ? owned : objects);
    });
    std::size_t dead = 0;
    for (const int pid : nothing_left::children()) {
      if (pid == server_pid() || pid == standby_pid()) continue;
      ++(state_of(pid) == 'Z' ? dead : children);
    }
    children += dead > 1 ? dead - 1 : 0;
  }
  /// What was there before may have gone meanwhile: of processes that ended as the trial began.
  bool no_more_than(const Left& before) const {
    return descriptors <= before.descriptors && members <= before.members && owned <= before.owned &&
           objects <= before.objects && children <= before.children;
  }
  std::string text() const {
    std::ostringstream out;
    out << descriptors << " descriptors, " << members << " members, " << owned << " chunks of processes, "
        << objects << " of objects, " << children << " other children";
    return out.str();
  }
};

// Where the server sleeps, as an end mark.
std::uint64_t park_function() { return reinterpret_cast<std::uint64_t>(&brood::platform::park); }
std::uint64_t server_bell() {
  return reinterpret_cast<std::uint64_t>(&brood::process::server_link().control()->bell);
}

void run_once(const Scenario& scenario) {
  const bool first = stage().mode.load() == static_cast<std::uint32_t>(Mode::rehearse);
  Books books;
  if (first) static_cast<void>(brood::Queue<int>());
  const Left before;
  try {
    scenario.run(books);
  } catch (const std::exception& e) {
    books.check(false, std::string("an exception leaves the scenario: ") + e.what());
  }
  // The rehearsal makes what a process makes once.
  if (first || scenario.kills_program || stage().failures[0] != 0) return;
  if (nothing_left::soon([&] { return Left().no_more_than(before); }, std::chrono::seconds(5))) return;
  books.check(false, "left behind: " + Left().text() + "; before: " + before.text());
}

}  // namespace

// A party that walks by single steps is slow, and so is who waits for it.
std::chrono::seconds Books::patience() { return stage().slow.load() != 0 ? 120s : 8s; }

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

bool Books::await_party() {
  if (stage().mode.load() == static_cast<std::uint32_t>(Mode::rehearse)) return false;
  return wait_for([] { return stage().go.load() != 0; }, patience());
}

void Books::await_servers() {
  const auto asleep = [] {
    const pid_t server = server_pid(), standby = standby_pid();
    return standby != 0 && standby != server && state_of(server) == 'S' && state_of(standby) == 'S' &&
           server == server_pid() && standby == standby_pid();
  };
  check(nothing_left::soon(asleep, patience()), "there are no server and standby asleep");
}

void Books::step_server() {
  await_servers();
  begin_other(Party::that_process, server_pid(), park_function(), server_bell());
}
void Books::step_standby() {
  await_servers();
  begin_other(Party::that_process, standby_pid(), park_function(), server_bell());
}
void Books::step_next_child() {
  await_servers();
  begin_other(Party::its_next_child, server_pid());
}

void Books::others(pid_t party, FunctionRef<void()> act) {
  const auto due = [] { return stage().killed.load() != 0 || stage().phase.load() != 0; };
  if (!await_party()) return act();
  int asleep = 0;
  wait_for(
      [&] {
        asleep = sleeps(party) ? asleep + 1 : 0;
        if (due() || asleep >= 2) return true;
        usleep(200);
        return false;
      },
      patience());
  act();
  await_end_of_stepping();
}

void Books::await_end_of_stepping() {
  if (stage().announced.load() == 0) return;
  wait_for([] { return stage().phase.load() != static_cast<std::uint32_t>(Phase::running); }, patience());
  stage().acted.store(1);
  ring();
  wait_for([] { return stage().phase.load() == static_cast<std::uint32_t>(Phase::over); }, patience());
}

int obey(const Scenario& scenario) {
  for (std::uint32_t last = 0;;) {
    if (!wait_for([&] { return stage().order.load() != last; }, 1h)) return 1;
    last = stage().order.load();
    if (last == ~0U) return 0;
    run_once(scenario);
    stage().done.store(last);
    ring();
  }
}

// Cheap to make: it is made where every instruction is a step.
std::string body(int number, std::size_t size) {
  const auto name = std::to_string(number) + ":";
  std::string text(std::max(size, 2 * name.size()), static_cast<char>('a' + number % 26));
  text.replace(0, name.size(), name);
  text.replace(text.size() - name.size(), name.size(), name);
  return text;
}

int number_of(const std::string& text) {
  const int number = std::atoi(text.c_str());
  return text == body(number, text.size()) ? number : -1;
}

pid_t server_pid() { return static_cast<pid_t>(brood::process::server_link().control()->server.load()); }
pid_t standby_pid() { return static_cast<pid_t>(brood::process::server_link().control()->standby.load()); }
}  // namespace points
