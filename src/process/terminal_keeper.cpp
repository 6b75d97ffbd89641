// The keeper of the terminal: see terminal.hpp. One process, asleep unless a process wants the terminal or
// Ctrl-Z is typed. All its signals are blocked; it receives them through a descriptor. It alone decides, from
// its own state and from what it looks up in the system; the words in the arena are only requests.
//
// If the keeper is killed, at any instruction, the terminal belongs to the program or to a child. Such a
// child, or its parent, gives the terminal back. The next standby reads in the words where to continue.

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <vector>

#include "platform/job_control.hpp"
#include "platform/surroundings.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"
#include "process/terminal_words.hpp"

namespace brood::process {
namespace {

using namespace std::chrono_literals;
using platform::Listed;
using platform::Pid;

// The mate: a process in the group that has the terminal. It passes on to the program's group the signals
// that are typed.
[[noreturn]] void be_mate(Pid keeper, Pid programs_group) {
  platform::end_with(keeper);
  platform::set_process_name("brood-terminal");
  const Pid me = platform::self_pid();
  const auto others_run = [me] {
    const auto all = platform::list_processes();
    return std::any_of(all.begin(), all.end(), [me](const Listed& each) {
      return each.group == platform::own_group() && each.pid != me && !each.stopped && !each.ended;
    });
  };
  for (;;) {
    const int signal = platform::next_typed();
    if (signal == 0) platform::exit_now(0);
    if (signal == SIGTSTP) {
      platform::signal_process(keeper, SIGTSTP);
      // Other processes of the group may restore the terminal's modes before they stop.
      const auto until = detail::Deadline::in(500ms);
      while (others_run() && !until.passed()) platform::wait_for_any({}, 5);
    }
    platform::signal_group(programs_group, signal);
  }
}

class TerminalKeeper {
 public:
  explicit TerminalKeeper(const platform::Descriptor& server)
      : server_(server),
        program_(platform::parent_pid()),
        group_(pid_in_word(words_.group)),
        servers_group_(platform::own_group()) {}
  ~TerminalKeeper() { end_mate(); }
  TerminalKeeper(const TerminalKeeper&) = delete;
  TerminalKeeper& operator=(const TerminalKeeper&) = delete;

  /// False if the system does not allow it.
  bool begin() {
    if (!signals_.descriptor() || group_ == 0 || !platform::join_group(0, group_)) return false;
    words_.keeper.store(static_cast<std::uint32_t>(platform::self_pid()));
    take_over();
    // The program may have been stopped before this process was in its group.
    const auto program = platform::look_up(program_);
    if (!stopped_ && program && program->stopped) stop_family();
    return true;
  }
  /// Runs until the server has ended (true) or the program has ended (false).
  bool run() {
    for (;;) {
      look();
      const auto ready = platform::wait_for_any({server_.get(), session().lifeline.read_descriptor(),
                                                 signals_.descriptor().get(), holder_process_.get()},
                                                pause());
      if ((ready & 1) != 0) return true;
      if ((ready & 2) != 0) return false;
      if ((ready & 8) != 0) take_back();
      while (const auto heard = signals_.next()) hear(*heard);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Continues what an earlier keeper has begun.
  void take_over() {
    stopped_ = words_.stopped.load() != 0;
    if (stopped_) {
      for (const auto& each : family()) {
        if (each.stopped) stopped_groups_.insert(each.group);
      }
    }
    const auto holder = pid_in_word(words_.holder);
    if (holder != 0 && is_leader_of_family(holder)) hold(holder);
  }

  int pause() const {
    if (following_) return 10;
    if (stopped_ || waiting_) return 200;
    return holder_ != 0 ? static_cast<int>(settling_.count()) : -1;
  }

  // ---- signals and wishes ----

  void hear(const platform::HeardSignals::Heard& heard) {
    switch (heard.signal) {
      case SIGTTIN:
      case SIGTTOU:
        if (heard.typed && holder_ != 0) program_wants_ = true;
        [[fallthrough]];
      case SIGTSTP:
        // The program may handle or ignore the signal, or have no shell: look() sees whether it stops.
        following_ = true;
        follow_until_ = Clock::now() + 1s;
        break;
      case SIGCONT:
        // The program may have been stopped and continued before it was looked at.
        following_ = false;
        go_on();
        break;
      case SIGCHLD:
        mate_has_ended();
        break;
      default:
        break;  // SIGURG, for a wish: look() is next
    }
  }

  void look() {
    if (following_) {
      const auto program = platform::look_up(program_);
      if (program && program->stopped) {
        following_ = false;
        stop_family();
      } else if (Clock::now() >= follow_until_) {
        following_ = false;
        settling_ = first_settling;
      }
    } else if (stopped_) {
      // A SIGCONT to the program's pid alone does not reach this process.
      const auto program = platform::look_up(program_);
      if (program && !program->stopped) return go_on();
      if (looks_left_ > 0 && looks_left_-- > 0) stop_others(true);
    } else {
      if (holder_ != 0 && pid_in_word(words_.holder) != holder_) take_back();
      hear_wishes();
      settle();
    }
  }

  // ---- the family: the program's descendants in other groups, except brood's own processes ----

  std::vector<Listed> family() const {
    const auto all = platform::list_processes();
    std::set<Pid> known{program_};
    for (std::size_t before = 0; before != known.size();) {
      before = known.size();
      for (const auto& each : all) {
        if (known.contains(each.parent)) known.insert(each.pid);
      }
    }
    std::vector<Listed> members;
    std::copy_if(all.begin(), all.end(), std::back_inserter(members), [&](const Listed& each) {
      return known.contains(each.pid) && !each.ended && each.group != group_ &&
             each.group != servers_group_ && each.pid != mate_;
    });
    return members;
  }

  bool is_leader_of_family(Pid pid) const {
    const auto members = family();
    return std::any_of(members.begin(), members.end(),
                       [&](const Listed& each) { return each.pid == pid && each.group == pid; });
  }

  // ---- stopping and continuing ----

  void stop_family() {
    stopped_ = true;
    words_.stopped.store(1);
    looks_left_ = 5;
    // The group that has the terminal got SIGTSTP itself, and may restore the terminal's modes first.
    stop_others(false);
  }

  // Repeated until no process runs, since running ones may start others.
  void stop_others(bool holder_too) {
    for (bool fresh = true; fresh;) {
      fresh = false;
      for (const auto& each : family()) {
        if (each.stopped || (each.group == holder_ && !holder_too)) continue;
        if (!stopped_groups_.insert(each.group).second) continue;
        platform::signal_group(each.group, SIGSTOP);
        fresh = true;
      }
    }
  }

  void go_on() {
    stopped_ = false;
    words_.stopped.store(0);
    asked_ = false;
    if (holder_ != 0) {
      stopped_groups_.insert(holder_);
      // A program that was stopped because it wants the terminal itself comes first.
      const bool has_it = !program_wants_ && (platform::foreground_group() == holder_ ||
                                              platform::hand_terminal(group_, holder_));
      if (!has_it) take_back();
      settling_ = first_settling;
    }
    program_wants_ = false;
    for (const Pid group : stopped_groups_) platform::signal_group(group, SIGCONT);
    stopped_groups_.clear();
  }

  // ---- giving the terminal and taking it back ----

  void hear_wishes() {
    waiting_ = false;
    for (auto& cell : words_.wishes) {
      const Pid who = pid_in_word(cell);
      if (who == 0) continue;
      if (!is_leader_of_family(who)) {
        answer(cell, who, refused_wish);
      } else if (holder_ != 0 && holder_ != who) {
        waiting_ = true;
        tell(who, "waits to read the terminal, which " + described(holder_) +
                      " has got until its task or process ends");
      } else if (give(who)) {
        answer(cell, who, 0);
      } else {
        waiting_ = true;
      }
    }
    if (!waiting_) told_.clear();
  }

  static void answer(Word& cell, Pid who, std::uint32_t how) {
    auto expected = static_cast<std::uint32_t>(who);
    cell.compare_exchange_strong(expected, how);
    platform::unpark_all(cell);
  }

  bool give(Pid who) {
    const Pid foreground = platform::foreground_group();
    if (foreground == 0) {  // the terminal has hung up: a read fails
      platform::signal_group(who, SIGCONT);
      return true;
    }
    if (foreground != group_ && foreground != who) {
      ask_for_foreground(who);
      return false;
    }
    if (holder_ != who) hold(who);
    asked_ = false;
    // A shell that has just started the program may now give the program the terminal once more. The wish
    // then stays: only a successful gift continues what was stopped for it.
    if (holder_ == 0 || !platform::hand_terminal(foreground, who)) {
      take_back();
      return false;
    }
    platform::signal_group(who, SIGCONT);
    settling_ = first_settling;
    return true;
  }

  // Stops the program like any program that reads the terminal in the background; its shell reports that. A
  // program that this does not stop may come to the foreground by other means.
  void ask_for_foreground(Pid who) {
    if (!asked_) {
      asked_ = true;
      platform::signal_group(group_, SIGTTIN);
    } else {
      tell(who,
           "waits to read the terminal, and the program is in the background there: bring it to the "
           "foreground");
    }
  }

  // Puts a process of brood's own into the holder's group, to receive typed signals whatever the others do
  // with them.
  void hold(Pid who) {
    holder_ = who;
    holder_process_ = platform::open_process(who);
    words_.holder.store(static_cast<std::uint32_t>(who));
    const Pid me = platform::self_pid();
    static Word mate;
    mate_ = platform::raw_clone(platform::Parent::caller_with_signal, &mate);
    if (mate_ == 0) be_mate(me, group_);
    if (mate_ < 0) mate_ = 0;
    if (mate_ == 0 || !platform::join_group(mate_, who)) take_back();
  }

  void end_mate() {
    if (mate_ == 0) return;
    // Signals typed until now are still passed on.
    const auto process = platform::open_process(mate_);
    platform::end_typed(mate_);
    if (!process || !platform::wait_ended(process, detail::Deadline::in(1s))) platform::kill_child(mate_);
    platform::wait_for_child(mate_);
    platform::reap(std::exchange(mate_, 0));
  }

  // Handles the case that the whole group was killed.
  void mate_has_ended() {
    if (mate_ == 0 || !platform::has_ended(mate_)) return;
    take_back();
  }

  void take_back() {
    if (holder_ == 0) return;
    end_mate();
    const Pid foreground = platform::foreground_group();
    if (foreground == holder_ || is_of_family(foreground)) platform::hand_terminal(foreground, group_);
    auto holder = static_cast<std::uint32_t>(std::exchange(holder_, 0));
    words_.holder.compare_exchange_strong(holder, 0);
    holder_process_.reset();
  }

  // A shell that a task has run may have left the terminal to a job of its own. Also true for a group without
  // members.
  bool is_of_family(Pid group) const {
    if (group == 0 || group == group_) return false;
    const auto all = platform::list_processes();
    const auto members = family();
    return std::all_of(all.begin(), all.end(), [&](const Listed& each) {
      return each.group != group || each.ended ||
             std::any_of(members.begin(), members.end(), [&](const Listed& m) { return m.pid == each.pid; });
    });
  }

  // A program that asks for a password may stop itself again after it was continued: it catches the signal,
  // restores the modes and sends the signal to itself. The intervals grow, because each look lists all
  // processes.
  void settle() {
    if (holder_ == 0) return;
    std::vector<Pid> stopped;
    for (const auto& each : family()) {
      if (each.group == holder_ && each.stopped) stopped.push_back(each.pid);
    }
    if (!stopped.empty() && nothing_typed()) {
      for (const Pid each : stopped) platform::signal_process(each, SIGCONT);
    }
    settling_ = std::min<std::chrono::milliseconds>(2 * settling_, 1s);
  }

  // True if processes that were seen stopped before this call were not stopped by Ctrl-Z. Ctrl-Z also wakes
  // the mate at the same moment, and the mate sleeps again only after it has told this process.
  bool nothing_typed() const {
    const auto mate = platform::look_up(mate_);
    return mate && mate->asleep && platform::wait_for_any({signals_.descriptor().get()}, 0) == 0;
  }

  static std::string described(Pid pid) {
    return platform::name_of(pid) + " (pid " + std::to_string(pid) + ")";
  }
  void tell(Pid who, const std::string& what) {
    if (told_.insert(who).second) platform::say("brood: " + described(who) + " " + what + "\n");
  }

  static constexpr std::chrono::milliseconds first_settling{20};

  arena::TerminalWords& words_ = terminal_words();
  const platform::Descriptor& server_;
  const Pid program_, group_, servers_group_;
  platform::HeardSignals signals_;
  Pid holder_ = 0, mate_ = 0;
  platform::Descriptor holder_process_;
  bool following_ = false;      // a signal came that may stop the program
  bool stopped_ = false;        // the program is stopped, and this process has stopped its family
  bool waiting_ = false;        // a wish is not granted yet
  bool asked_ = false;          // the program was sent SIGTTIN, because a child reads in the background
  bool program_wants_ = false;  // the program was stopped because it reads while a child has the terminal
  int looks_left_ = 0;
  Clock::time_point follow_until_;
  std::chrono::milliseconds settling_ = first_settling;
  std::set<Pid> stopped_groups_, told_;
};

}  // namespace

bool keep_terminal(const platform::Descriptor& server) {
  if (!session().lifeline.arm_alone()) return false;
  TerminalKeeper keeper(server);
  return keeper.begin() ? keeper.run() : session().lifeline.outlives(server);
}

}  // namespace brood::process
