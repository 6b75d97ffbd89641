// Processes: their start, in the program, in the server, in the standby that takes over, in the child; and
// their end. Books: a child runs once or, when it was the one killed, at most once; its exit code is right;
// the next start works.

#include <brood/init.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nothing_left.hpp"
#include "scenario.hpp"

namespace points {
namespace {

enum : std::size_t { ran = 0, next_ran = 1 };

void child(std::uint64_t which, brood::Queue<int> queue, std::string text) {
  note(which).fetch_add(1);
  queue.put(number_of(text));
  if (which == ran) end();
}
void exits(brood::Queue<int> queue) {
  note(ran).fetch_add(1);
  queue.put(1);
  begin();
}

brood::Process make(std::size_t which, const brood::Queue<int>& queue, std::size_t size) {
  return brood::Process(child, static_cast<std::uint64_t>(which), queue, body(4, size));
}

// The next start works as if nothing had happened.
void start_next(Books& books, brood::Queue<int>& queue) {
  auto next = make(next_ran, queue, 12);
  next.start();
  books.check(next.join(Books::patience()) && next.exitcode() == 0, "the next child does not end well");
  books.check(note(next_ran).load() == 1,
              "the next child ran " + std::to_string(note(next_ran).load()) + " times");
}

void start(Books& books, std::size_t size) {
  brood::Queue<int> queue;
  begin();
  auto one = make(next_ran, queue, size);
  one.start();
  static_cast<void>(one.pid());
  one.join();
  end();
  books.check(one.exitcode() == 0, "wrong exit code");
}
void start_small(Books& books) { start(books, 12); }

void in_server(Books& books, std::size_t size) {
  brood::Queue<int> queue;
  books.step_server();
  auto one = make(ran, queue, size);
  one.start();
  books.check(one.join(Books::patience()), "the child does not end");
  books.check(one.exitcode() == 0, "wrong exit code");
  books.await_end_of_stepping();
  books.check(note(ran).load() == 1, "the child ran " + std::to_string(note(ran).load()) + " times");
  books.check(queue.qsize() == 1, "the child's value is missing");
  books.await_servers();
  start_next(books, queue);
}
void start_in_server(Books& books) { in_server(books, 12); }
void start_large_in_server(Books& books) { in_server(books, 50'000); }

// stdout is another file while it exists: a start must pass it on first.
class OtherOutput {
 public:
  OtherOutput() : before_(fcntl(1, F_DUPFD_CLOEXEC, 3)), file_(memfd_create("output", MFD_CLOEXEC)) {
    dup2(file_, 1);
  }
  ~OtherOutput() {
    dup2(before_, 1);
    close(before_);
    close(file_);
  }
  OtherOutput(const OtherOutput&) = delete;
  OtherOutput& operator=(const OtherOutput&) = delete;
  /// What was written there so far.
  std::string text() const {
    char all[64];
    const auto n = pread(file_, all, sizeof all, 0);
    return {all, n > 0 ? static_cast<std::size_t>(n) : 0};
  }

 private:
  int before_, file_;
};

void prints() {
  note(ran).fetch_add(1);
  static_cast<void>(!write(1, "printed", 7));
  end();
}

// It prints where the program does, whichever server makes it.
void start_with_other_output_in_server(Books& books) {
  {
    const OtherOutput there;
    books.step_server();
    brood::Process one(prints);
    one.start();
    books.check(one.join(Books::patience()), "the child does not end");
    books.check(one.exitcode() == 0, "wrong exit code");
    books.await_end_of_stepping();
    books.check(note(ran).load() == 1, "the child ran " + std::to_string(note(ran).load()) + " times");
    books.check(there.text() == "printed", "in the program's stdout there is '" + there.text() + "'");
    // By whoever is the server now, who may not have looked yet.
    brood::Process next(prints);
    next.start();
    books.check(next.join(Books::patience()) && next.exitcode() == 0, "the next child does not end well");
    books.check(there.text() == "printedprinted", "in the program's stdout there is '" + there.text() + "'");
  }
  books.await_servers();
  brood::Queue<int> queue;
  start_next(books, queue);
}

// The server dies with a request before it; the standby takes over, and dies there.
void start_in_standby(Books& books) {
  bool none_left = false;
  {
    brood::Queue<int> queue;
    books.step_standby();
    kill(server_pid(), SIGSTOP);
    auto one = make(ran, queue, 12);
    one.start();
    kill(server_pid(), SIGKILL);
    try {
      books.check(one.join(Books::patience()), "the child does not end");
      books.check(one.exitcode() == 0, "wrong exit code");
    } catch (const brood::StartFailed&) {  // before it had a standby of its own: both are gone
      none_left = true;
      books.check(books.killed(), "no server is left, and nobody was killed");
    }
    books.await_end_of_stepping();
    books.check(note(ran).load() == (none_left ? 0U : 1U),
                "the child ran " + std::to_string(note(ran).load()) + " times");
  }
  // What is held while a server is made is kept for its children: the queue has gone by now.
  if (none_left) brood::renew_server();
  books.await_servers();
  brood::Queue<int> queue;
  start_next(books, queue);
}

void in_child(Books& books, std::size_t size) {
  brood::Queue<int> queue;
  books.step_next_child();
  auto one = make(ran, queue, size);
  one.start();
  books.check(one.join(Books::patience()), "the child does not end");
  const auto code = one.exitcode();
  books.check(code == 0 || (books.killed() && code == -SIGKILL),
              "wrong exit code " + std::to_string(code.value_or(-999)));
  books.check(note(ran).load() <= 1, "the child ran twice");
  start_next(books, queue);
}
void start_in_child(Books& books) { in_child(books, 12); }
void start_large_in_child(Books& books) { in_child(books, 50'000); }

void exit_of_child(Books& books) {
  brood::Queue<int> queue;
  brood::Process one(exits, queue);
  one.start();
  books.check(one.join(Books::patience()), "the child does not end");
  const auto code = one.exitcode();
  books.check(code == 0 || (books.killed() && code == -SIGKILL),
              "wrong exit code " + std::to_string(code.value_or(-999)));
  books.check(queue.qsize() == 1, "the child's value is missing");
  start_next(books, queue);
}

constexpr Scenario all[] = {
    {"program_start", Mode::kill, start_small, true},
    {"start_in_server", Mode::kill, start_in_server},
    {"start_large_in_server", Mode::kill, start_large_in_server},
    {"start_with_other_output_in_server", Mode::kill, start_with_other_output_in_server},
    {"start_in_standby", Mode::kill, start_in_standby},
    {"start_in_child", Mode::kill, start_in_child},
    {"start_large_in_child", Mode::kill, start_large_in_child},
    {"exit_of_child", Mode::kill, exit_of_child},
};

}  // namespace

std::span<const Scenario> process_scenarios() { return all; }

}  // namespace points
