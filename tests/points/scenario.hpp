#pragma once
// A scenario: one operation of one party, with others around it, and the books that are drawn up afterwards.
// It runs in the program under test, once for each point.

#include <sys/types.h>

#include <span>
#include <string>

#include "base/function_ref.hpp"
#include "stage.hpp"

namespace points {

using namespace std::chrono_literals;
using brood::FunctionRef;

class Books {
 public:
  /// Whoever waits for something that must come waits this long.
  static std::chrono::seconds patience();

  /// The party was killed, or is about to be.
  bool killed() const { return stage().killed.load() != 0; }
  void check(bool so, const std::string& what);
  /// `f` must not throw.
  void quietly(FunctionRef<void()> f);
  /// As soon as the party sleeps in the kernel, stands at its point, or is dead: the others act.
  void others(pid_t party, FunctionRef<void()> act);
  /// Waits until it is known who the party is; false when nobody is stepped this time.
  bool await_party();
  /// Asks that the server, the standby or the next child be stepped, once both servers sleep: the former two
  /// until they sleep again.
  void step_server();
  void step_standby();
  void step_next_child();
  /// A server that was killed has been followed by a standby with one of its own.
  void await_servers();
  /// The party is beyond stepping: killed, let go, or through.
  void await_end_of_stepping();
};

struct Scenario {
  const char* name;
  Mode mode;
  void (*run)(Books&);
  bool kills_program = false;  // the party is the program itself: all its descendants end with it
};

std::span<const Scenario> queue_scenarios();
std::span<const Scenario> pool_scenarios();
std::span<const Scenario> process_scenarios();

/// In the program: runs the scenario at each order, until told to end.
int obey(const Scenario& scenario);

/// A note that any process may write: how often something happened.
inline Word& note(std::size_t n) { return stage().notes[n]; }

/// A text that tells its number and whether it is whole.
std::string body(int number, std::size_t size);
/// Its number; -1 when it is not whole.
int number_of(const std::string& body);

/// The fork server and its standby, as the program knows them.
pid_t server_pid();
pid_t standby_pid();

}  // namespace points
