// Programs on a terminal, under shells with job control: children and tasks that use the terminal, and the
// effects of Ctrl-Z, fg, bg, Ctrl-C and a hang-up.

#include <gtest/gtest.h>
#include <termios.h>

#include <filesystem>
#include <functional>
#include <map>

#include "child_support.hpp"
#include "on_terminal.hpp"
#include "run_program.hpp"

namespace terminal {

using namespace child_support;
using namespace std::chrono_literals;
using run_program::OnTerminal;
using run_program::path_of;

const std::string interrupt = "\x03", stop = "\x1a";

// The state of a process in /proc: T is stopped, S asleep; 0 when it has ended.
char state_of(pid_t pid) {
  const auto text = text_of("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos || text[name_end + 2] == 'Z' ? char{0} : text[name_end + 2];
}

// Polls, since nothing tells of the states that are waited for.
bool comes_to(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + run_program::Program::patience;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until) return false;
    usleep(2000);
  }
  return true;
}
bool stops(pid_t pid) {
  return comes_to([&] { return state_of(pid) == 'T'; });
}
bool runs(pid_t pid) {
  return comes_to([&] { return state_of(pid) != 'T' && state_of(pid) != 0; });
}

// The number of processes in a session.
int members_of(pid_t session) {
  int n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    n += pid > 0 && getsid(pid) == session && state_of(pid) != 0;
  }
  return n;
}

// An interactive shell on a terminal of its own.
class Shell : public OnTerminal {
 public:
  explicit Shell(const std::string& name)
      : OnTerminal(name == "bash"
                       ? std::vector<std::string>{"/usr/bin/env", "PS1=ready> ", "/bin/bash", "--norc",
                                                  "--noprofile", "--noediting", "-i"}
                       : std::vector<std::string>{"/usr/bin/env", "PS1=ready> ", "ENV=", "/bin/dash", "-i"},
                   200, true) {}
  // A program in the background outlives a shell that is killed.
  ~Shell() {
    if (process_ < 0) return;
    syscall(SYS_pidfd_send_signal, process_, SIGKILL, nullptr, 0);
    close(process_);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  void prompt() { ASSERT_TRUE(shows("ready> ")) << screen(); }
  void run(const std::string& command) {
    prompt();
    type(command + "\n");
    ASSERT_TRUE(shows(command + "\r\n")) << screen();
  }
  /// Runs the program of tests/children, which prints its pid first.
  void run_child(const std::string& arguments) {
    run(path_of("terminal") + " " + arguments);
    program = number_after("program ");
    if (process_ >= 0) close(process_);
    process_ = static_cast<int>(syscall(SYS_pidfd_open, program, 0));
  }
  pid_t number_after(const std::string& word) {
    if (!shows(word) || !shows("\n")) return 0;
    const auto& all = screen();
    return std::stoi(all.substr(all.rfind(word) + word.size()));
  }
  /// The same for a line that may have been printed earlier.
  pid_t number_of(const std::string& word) {
    const auto begin = "\n" + word + " ";
    if (!has_shown(begin)) return 0;
    const auto at = screen().find(begin) + begin.size();
    return std::stoi(screen().substr(at));
  }
  bool gives_terminal_to(pid_t group) const {
    return comes_to([&] { return tcgetpgrp(descriptor()) == group; });
  }
  /// Runs a task that reads; `worker` has the terminal then.
  void run_reader(pid_t& worker) {
    run_child("task read");
    worker = number_after("worker ");
    ASSERT_TRUE(gives_terminal_to(worker)) << screen();
  }
  void expect(const std::string& text) { ASSERT_TRUE(shows(text)) << "no " << text << " in\n" << screen(); }
  /// The shell has the terminal, and the terminal echoes.
  void expect_prompt_in_order() {
    run("echo al''l right");
    expect("all right");
    termios modes{};
    tcgetattr(descriptor(), &modes);
    EXPECT_TRUE(((modes.c_lflag & ECHO) != 0)) << screen();
  }

  pid_t program = 0;

 private:
  int process_ = -1;
};

class Terminal : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(under, Terminal, testing::Values("bash", "dash"),
                         [](const auto& info) { return std::string(info.param); });

// ---- output and modes

TEST_P(Terminal, children_and_tasks_print_and_set_modes_whatever_tostop_says) {
  const std::map<std::string, std::string> expected = {
      {"print", "printed"}, {"echo", "exit 0"}, {"modes", "set"}, {"flush", "set"}, {"stty", "exit 0"}};
  for (const char* tostop : {"-tostop", "tostop"}) {
    Shell shell(GetParam());
    shell.run(std::string("stty ") + tostop);
    for (const auto& [what, how] : expected) {
      for (const char* method : {"forkserver", "spawn", "fork"}) {
        if (std::string_view(method) != "forkserver" && what != "echo" && what != "modes") continue;
        shell.run_child("use " + what + " " + method);
        shell.expect("child: " + how);
        shell.expect("child ended with 0");
        shell.expect("task: " + how);
      }
    }
    shell.prompt();
  }
}

// ---- reading

TEST_P(Terminal, a_child_by_any_method_and_a_task_read_it) {
  for (const char* what : {"read", "head", "less"}) {
    for (const char* method : {"forkserver", "spawn", "fork"}) {
      Shell shell(GetParam());
      shell.run_child(std::string("use ") + what + " " + method);
      const bool one_byte = std::string_view(what) == "less";  // the shell gets what is not read
      shell.type(one_byte ? "1" : "first line\n");
      shell.expect("child: ");
      shell.expect("child ended with 0");
      shell.type(one_byte ? "2" : "second line\n");
      shell.expect("task: ");
      shell.expect_prompt_in_order();
    }
  }
}

TEST_P(Terminal, a_program_of_a_task_asks_for_a_password_and_then_the_program_reads) {
  Shell shell(GetParam());
  shell.run_child("task password");
  shell.expect("Password: ");
  shell.type("secret\n");
  shell.expect("got secret");
  shell.expect("task: exit 0");
  shell.expect("interrupts 0, worker the same");
  shell.type("mine\n");
  shell.expect("program read mine");
  shell.expect_prompt_in_order();
}

TEST_P(Terminal, of_two_that_read_the_second_waits_and_a_sentence_says_so) {
  Shell shell(GetParam());
  shell.run_child("two");
  shell.expect("waits to read the terminal, which ");
  shell.type("first\n");
  shell.expect("child: read first");
  shell.type("second\n");
  shell.expect("child: read second");
  shell.expect("both ended");
  shell.expect_prompt_in_order();
}

TEST_P(Terminal, a_child_that_executes_another_program_reads_however_its_parent_waits) {
  for (const char* how : {"join", "limit", "alive"}) {
    Shell shell(GetParam());
    shell.run_child(std::string("exec ") + how);
    shell.type("word\n");
    shell.expect("it read word");
    shell.expect("child ended with 5");
    shell.expect_prompt_in_order();
  }
}

TEST_P(Terminal, a_task_in_the_background_that_reads_stops_the_program_and_fg_lets_it_read) {
  Shell shell(GetParam());
  shell.run_child("task password &");
  const pid_t worker = shell.number_after("worker ");
  EXPECT_TRUE(stops(shell.program));
  EXPECT_TRUE(stops(worker));
  // A shell reports at a prompt only the stops that it knows of by then.
  ASSERT_TRUE(comes_to([&] {
    shell.type("\n");
    return shell.shows("Stopped", 200ms);
  })) << shell.screen();
  shell.type("fg\n");
  shell.expect("Password: ");
  shell.type("secret\n");
  shell.expect("got secret");
  shell.type("mine\n");
  shell.expect("program read mine");
  shell.expect_prompt_in_order();
}

// ---- stopping

TEST_P(Terminal, ctrl_z_stops_the_whole_family_and_fg_and_bg_continue_it) {
  for (const char* method : {"forkserver", "spawn", "fork"}) {
    const Gate gate;
    Shell shell(GetParam());
    shell.run_child("family " + gate.path() + " " + method);
    std::map<std::string, pid_t> family = {{"program", shell.program}};
    for (const char* each : {"worker", "child", "sleeper", "nesting", "grandchild"}) {
      family[each] = shell.number_of(each);
      ASSERT_GT(family[each], 0) << each << " in " << shell.screen();
    }
    for (const char* how : {"fg", "bg", "fg"}) {
      shell.type(stop);
      shell.expect("Stopped");
      shell.prompt();
      for (const auto& [name, pid] : family) EXPECT_TRUE(stops(pid)) << name << " after " << how;
      shell.type(std::string(how) + "\n");
      for (const auto& [name, pid] : family) EXPECT_TRUE(runs(pid)) << name << " after " << how;
      if (std::string_view(how) == "bg") {
        shell.prompt();
        shell.type("fg\n");
      }
      ASSERT_TRUE(comes_to([&] { return tcgetpgrp(shell.descriptor()) == shell.program; })) << shell.screen();
    }
    gate.open();
    shell.expect("task done");
    shell.expect_prompt_in_order();
    for (const auto& [name, pid] : family) EXPECT_TRUE(gone(pid)) << name;
  }
}

TEST_P(Terminal, who_is_continued_by_its_pid_alone_continues_its_family) {
  const Gate gate;
  Shell shell(GetParam());
  shell.run_child("family " + gate.path() + " forkserver");
  const pid_t grandchild = shell.number_of("grandchild");
  shell.type(stop);
  shell.expect("Stopped");
  EXPECT_TRUE(stops(grandchild));
  kill(shell.program, SIGCONT);
  EXPECT_TRUE(runs(grandchild));
}

TEST_P(Terminal, ctrl_z_at_a_password_and_fg_ask_once_more) {
  Shell shell(GetParam());
  shell.run_child("task password");
  const pid_t worker = shell.number_after("worker ");
  shell.expect("Password: ");
  for (int i = 0; i < 3; ++i) {
    shell.type(stop);
    shell.expect("Stopped");
    EXPECT_TRUE(stops(worker));
    shell.prompt();
    shell.type("fg\n");
    shell.expect("Password: ");
  }
  shell.type("secret\n");
  shell.expect("got secret");
  shell.type("mine\n");
  shell.expect("program read mine");
  shell.expect_prompt_in_order();
}

TEST_P(Terminal, ctrl_z_stops_no_family_of_a_program_that_ignores_it) {
  const Gate gate;
  Shell shell(GetParam());
  shell.run_child("family " + gate.path() + " forkserver ignores");
  EXPECT_GT(shell.number_of("worker"), 0);
  EXPECT_GT(shell.number_of("grandchild"), 0);
  shell.type(stop);
  gate.open();
  shell.expect("task done");
  shell.expect_prompt_in_order();
}

// ---- signals

TEST_P(Terminal, what_a_task_executes_finds_all_signals_as_usual_but_SIGTTOU_under_tostop) {
  for (const bool tostop : {false, true}) {
    Shell shell(GetParam());
    shell.run(tostop ? "stty tostop" : "stty -tostop");
    shell.run_child("use signals forkserver");
    for (const char* who : {"child: ", "task: "}) {
      shell.expect("SigBlk: 0\r\n");
      shell.expect("SigIgn: " + std::to_string(tostop ? 1 << (SIGTTOU - 1) : 0) + "\r\n");
      shell.expect(std::string(who) + "exit 0");
    }
  }
}

TEST_P(Terminal, a_SIGINT_that_is_sent_to_a_child_ends_it) {
  Shell shell(GetParam());
  shell.run_child("interrupted");
  shell.expect("child ended with -2");
}

// ---- interrupting

TEST_P(Terminal, ctrl_c_reaches_the_program_once_while_a_task_has_the_terminal) {
  for (const char* what : {"password", "head"}) {
    Shell shell(GetParam());
    shell.run_child(std::string("task ") + what + " count");
    if (std::string_view(what) == "password") {
      shell.expect("Password: ");
    } else {
      const pid_t worker = shell.number_after("worker ");
      ASSERT_TRUE(shell.gives_terminal_to(worker));
    }
    ASSERT_TRUE(comes_to([&] { return tcgetpgrp(shell.descriptor()) != shell.program; }));
    shell.type(interrupt);
    shell.expect("task: signal 2");
    shell.expect("interrupts 1, worker the same");
    shell.type("mine\n");
    shell.expect("program read mine");
    shell.expect_prompt_in_order();
  }
}

TEST_P(Terminal, ctrl_c_while_a_task_has_the_terminal_ends_a_program_that_minds_nothing) {
  Shell shell(GetParam());
  pid_t worker = 0;
  ASSERT_NO_FATAL_FAILURE(shell.run_reader(worker));
  shell.type(interrupt);
  shell.prompt();
  EXPECT_TRUE(gone(worker));  // until then it may take what is typed
  shell.type("echo code $?\n");
  shell.expect("code 130");
  EXPECT_TRUE(gone(shell.program));
  shell.expect_prompt_in_order();
}

TEST_P(Terminal, ctrl_c_of_a_stopped_program_that_is_continued_ends_all) {
  Shell shell(GetParam());
  pid_t worker = 0;
  ASSERT_NO_FATAL_FAILURE(shell.run_reader(worker));
  shell.type(stop);
  shell.expect("Stopped");
  shell.prompt();
  shell.type("fg\n");
  ASSERT_TRUE(shell.gives_terminal_to(worker));
  shell.type(interrupt);
  shell.prompt();
  EXPECT_TRUE(gone(worker));
  EXPECT_TRUE(gone(shell.program));
}

// ---- who dies

TEST_P(Terminal, a_child_that_is_killed_while_it_has_the_terminal_leaves_it_to_the_program) {
  Shell shell(GetParam());
  shell.run_child("killed");
  const pid_t child = shell.number_after("child ");
  ASSERT_TRUE(comes_to([&] { return tcgetpgrp(shell.descriptor()) == child; }));
  kill(child, SIGKILL);
  EXPECT_TRUE(comes_to([&] { return tcgetpgrp(shell.descriptor()) == shell.program; }));
  shell.type("mine\n");
  shell.expect("program read mine");
  shell.expect_prompt_in_order();
}

std::vector<pid_t> servers_of(pid_t program) {
  std::vector<pid_t> all;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    const auto status = pid > 0 ? text_of(entry.path() / "status") : "";
    if (status.starts_with("Name:\tbrood-server\n") &&
        status.find("\nPPid:\t" + std::to_string(program) + "\n") != std::string::npos)
      all.push_back(pid);
  }
  return all;
}

TEST_P(Terminal, whoever_of_the_servers_is_killed_while_a_task_has_the_terminal_the_program_gets_it_back) {
  for (const bool standby : {false, true}) {
    Shell shell(GetParam());
    shell.run_child("task password");
    shell.expect("Password: ");
    ASSERT_TRUE(comes_to([&] { return tcgetpgrp(shell.descriptor()) != shell.program; }));
    for (const pid_t server : servers_of(shell.program)) {
      if ((getpgid(server) == shell.program) == standby) kill(server, SIGKILL);
    }
    shell.type("secret\n");
    shell.expect("got secret");
    shell.expect("worker the same");
    shell.type("mine\n");
    shell.expect("program read mine");
    shell.expect_prompt_in_order();
  }
}

TEST_P(Terminal, a_program_that_is_killed_while_it_is_stopped_leaves_nobody) {
  const Gate gate;
  for (const auto& what : {std::string("task password"), "family " + gate.path() + " forkserver"}) {
    Shell shell(GetParam());
    shell.run_child(what);
    if (what.starts_with("task"))
      shell.expect("Password: ");
    else
      EXPECT_GT(shell.number_of("grandchild"), 0);
    shell.type(stop);
    shell.expect("Stopped");
    const auto session = getsid(shell.program);
    kill(shell.program, SIGKILL);
    EXPECT_TRUE(comes_to([&] { return members_of(session) <= 1; })) << what;
    shell.expect_prompt_in_order();
  }
}

TEST_P(Terminal, a_hang_up_ends_all) {
  for (const bool stopped : {false, true}) {
    Shell shell(GetParam());
    shell.run_child("task password");
    shell.expect("Password: ");
    if (stopped) {
      shell.type(stop);
      shell.expect("Stopped");
    }
    const auto session = getsid(shell.program);
    shell.hang_up();
    EXPECT_TRUE(comes_to([&] { return members_of(session) == 0; })) << stopped;
  }
}

// ---- without a shell: as the first process of a container

TEST(TerminalWithoutShell, a_task_reads_and_what_is_typed_to_stop_stops_nothing_for_long) {
  OnTerminal program({path_of("terminal"), "task", "password"}, 200, true);
  ASSERT_TRUE(program.shows("Password: "));
  program.type(stop);
  ASSERT_TRUE(program.shows("Password: ")) << program.screen();
  program.type("secret\n");
  ASSERT_TRUE(program.shows("got secret")) << program.screen();
  ASSERT_TRUE(program.shows("worker the same")) << program.screen();
  program.type("mine\n");
  ASSERT_TRUE(program.shows("program read mine")) << program.screen();
  EXPECT_EQ(program.wait(), 0);
}

}  // namespace terminal
