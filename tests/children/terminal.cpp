// Children and tasks that use the terminal: terminal WHAT [HOW ...].

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <termios.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "program_support.hpp"

namespace {

std::string self;

std::string line_from(int fd) {
  std::string line;
  for (char c = 0;;) {
    const auto n = read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::string("error ") + strerrorname_np(errno);
    if (n == 0 || c == '\n') return line;
    line += c;
  }
}

std::string line_from_terminal() {
  const int fd = open("/dev/tty", O_RDWR);
  auto line = line_from(fd);
  close(fd);
  return line;
}

// As OpenSSH's readpassphrase: it catches what stops or interrupts, tidies up, sends that to itself again.
// Unlike there, what is typed between two prompts is kept, and no signal is overlooked between the prompt and
// the read.
volatile std::sig_atomic_t caught[NSIG];
int ask_for_password() {
  const int fd = open("/dev/tty", O_RDWR);
  for (bool again = true; again;) {
    again = false;
    for (auto& each : caught) each = 0;
    constexpr int minded[] = {SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
    struct sigaction catching {
    }, before[NSIG];
    catching.sa_handler = [](int s) { caught[s] = 1; };
    termios modes{}, silent{};
    tcgetattr(fd, &modes);
    silent = modes;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(fd, TCSADRAIN, &silent);  // in the background SIGTTOU comes: before it is caught
    for (const int s : minded) sigaction(s, &catching, &before[s]);
    sigset_t all, usual;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &usual);
    dprintf(fd, "Pass%s", "word: ");
    pollfd typed{fd, POLLIN, 0};
    const bool is_typed = ppoll(&typed, 1, nullptr, &usual) == 1;
    sigprocmask(SIG_SETMASK, &usual, nullptr);
    std::string line;
    char c = 0;
    while (is_typed && read(fd, &c, 1) == 1 && c != '\n') line += c;
    const auto output = caught[SIGTTOU];
    while (tcsetattr(fd, TCSADRAIN, &modes) != 0 && errno == EINTR && caught[SIGTTOU] == 0) continue;
    caught[SIGTTOU] = output;
    for (const int s : minded) sigaction(s, &before[s], nullptr);
    for (int s = 1; s < NSIG; ++s) {
      if (caught[s] == 0) continue;
      kill(getpid(), s);
      again = again || s == SIGTSTP || s == SIGTTIN || s == SIGTTOU;
    }
    if (!again) say("got %s\n", line.c_str());
  }
  return 0;
}

std::string run(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? "exit " + std::to_string(WEXITSTATUS(status))
                           : "signal " + std::to_string(WTERMSIG(status));
}

// Uses the terminal in one way; returns a word that tells how it went.
std::string use(const std::string& what) {
  if (what == "print") return say("hello from %s\n", "a child"), "printed";
  if (what == "echo") return run("echo hello from a program");
  if (what == "modes" || what == "flush") {
    const int fd = open("/dev/tty", O_RDWR);
    termios modes{};
    tcgetattr(fd, &modes);
    return tcsetattr(fd, what == "flush" ? TCSAFLUSH : TCSADRAIN, &modes) == 0 ? "set" : std::strerror(errno);
  }
  if (what == "stty") return run("stty -F /dev/tty cols 80");
  if (what == "read") return "read " + line_from_terminal();
  if (what == "signals") {  // the C library keeps 32 and 33 for itself, whoever ignores them
    return run(
        "while read name value; do case $name in SigBlk:|SigIgn:) echo $name $((0x$value & 0x7fffffff));; "
        "esac; "
        "done </proc/self/status");
  }
  if (what == "head") return run("head -n1 </dev/tty");
  if (what == "password") return run(self + " ask");
  if (what == "less")
    return run("stty -icanon -echo </dev/tty && head -c1 </dev/tty; stty icanon echo </dev/tty");
  return "what?";
}

void use_and_say(const std::string& program, const std::string& what) {
  self = program;
  say("child: %s\n", use(what).c_str());
}
std::string used(const std::string& program, const std::string& what) {
  self = program;
  return use(what);
}

std::atomic<int> interrupts{0};

void stay(const std::string& who) {
  say("%s %d\n", who.c_str(), getpid());
  wait_for_ever();
}
// A program that a child has started.
void stay_with_program(const std::string& who) {
  say("%s %d\n", who.c_str(), getpid());
  run("echo sleeper $$; exec sleep 1000");
}
void nest(const std::string& who) {
  say("%s %d\n", who.c_str(), getpid());
  brood::Process inner(stay, "grandchild");
  inner.start();
  inner.join();
}
void count_up(const std::string& fifo) {
  say("worker %d\n", getpid());
  wait_at(fifo);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argv[1];
  if (what == "ask") return ask_for_password();
  brood::init(argc, argv);
  self = argv[0];
  say("program %d\n", getpid());
  // use WHAT METHOD: by a child, then by a task.
  if (what == "use") {
    brood::Process child({.method = method_of(argv[3])}, use_and_say, self, argv[2]);
    child.start();
    child.join();
    say("child ended with %d\n", child.exitcode().value());
    brood::Pool pool(1);
    say("task: %s\n", pool.apply(used, self, std::string(argv[2])).c_str());
    return 0;
  }
  // task WHAT [count]: by a task; count catches interrupts and waits for one.
  if (what == "task") {
    struct sigaction action {};
    action.sa_handler = [](int) { ++interrupts; };
    action.sa_flags = SA_RESTART;  // a write to the terminal that it interrupts is not lost
    if (argc > 3) sigaction(SIGINT, &action, nullptr);
    brood::Pool pool(1);
    const int worker = pool.apply(getpid);
    say("worker %d\n", worker);
    say("task: %s\n", pool.apply(used, self, std::string(argv[2])).c_str());
    // The interrupt is passed on to the program by another process than the one that tells of the task's end.
    for (int left = 3000; argc > 3 && interrupts == 0 && left > 0; --left) usleep(10'000);
    say("interrupts %d, worker %s\n", interrupts.load(),
        pool.apply(getpid) == worker ? "the same" : "another");
    // The terminal belongs to the program again.
    say("program read %s\n", line_from(0).c_str());
    return 0;
  }
  if (what == "exec") {  // exec HOW: the child becomes another program, which reads
    brood::Process child(
        [] { execlp("sh", "sh", "-c", "read x </dev/tty; echo \"it read $x\"; exit 5", nullptr); });
    child.start();
    const std::string_view how = argv[2];
    if (how == "join") child.join();
    if (how == "limit")
      while (!child.join(std::chrono::seconds(30))) continue;
    if (how == "alive")
      while (child.is_alive()) usleep(10'000);
    say("child ended with %d\n", child.exitcode().value());
    return 0;
  }
  if (what == "two") {
    brood::Process one({.name = "one"}, use_and_say, self, "read");
    brood::Process two({.name = "two"}, use_and_say, self, "read");
    one.start();
    two.start();
    one.join();
    two.join();
    say("both %s\n", "ended");
    return 0;
  }
  if (what == "killed") {  // a child that has the terminal is killed; the program reads
    brood::Process child([] {
      say("child %d\n", getpid());
      line_from_terminal();
    });
    child.start();
    child.join();
    say("program read %s\n", line_from(0).c_str());
    return 0;
  }
  if (what == "interrupted") {
    brood::Process child(wait_for_ever);
    child.start();
    kill(child.pid().value(), SIGINT);
    child.join();
    say("child ended with %d\n", child.exitcode().value());
    return 0;
  }
  if (what == "family") {
    if (argc > 4) std::signal(SIGTSTP, SIG_IGN);
    brood::Pool pool(1);
    auto task = pool.apply_async(count_up, std::string(argv[2]));
    brood::Process child({.method = method_of(argv[3])}, stay_with_program, "child");
    brood::Process nesting({.nests = true}, nest, "nesting");
    child.start();
    nesting.start();
    task.get();
    say("task %s\n", "done");
    child.terminate();
    nesting.terminate();
    child.join();
    nesting.join();
    return 0;
  }
  return 2;
}
