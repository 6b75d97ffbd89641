#include "trial.hpp"

#include <poll.h>
#include <sys/time.h>

#include <csignal>
#include <cstring>

#include "base/scope.hpp"

namespace points {

using brood::OnExit;

namespace {

// Interrupts a waitpid that does not come back.
class Alarm {
 public:
  explicit Alarm(std::chrono::milliseconds after) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    set(after);
  }
  ~Alarm() { set({}); }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  static void set(std::chrono::milliseconds after) {
    itimerval value{};
    value.it_value = {after.count() / 1000, after.count() % 1000 * 1000};
    if (after.count() != 0) value.it_interval = {0, 100'000};
    setitimer(ITIMER_REAL, &value, nullptr);
  }
};

constexpr int slow = 6;  // so much more patience with those who walk

void set_phase(Phase phase) {
  stage().phase.store(static_cast<std::uint32_t>(phase));
  ring();
}

void await_end_of(pid_t process) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, process, 0));
  pollfd p{fd, POLLIN, 0};
  poll(&p, 1, 5000);
  close(fd);
}

}  // namespace

Stepper::~Stepper() = default;

// The operation is announced: the party is taken and stands where the points begin. Nothing when it never
// came to the mark.
std::unique_ptr<Tracee> Stepper::take_party() {
  const auto settled = [&] {
    return stage().announced.load() != 0 || stage().done.load() == trials_ || program_->ended();
  };
  if (!wait_for(settled, patience_)) throw Late("nobody comes to the begin mark");
  if (stage().announced.load() == 0) return nullptr;
  const auto kind = stage().party;
  auto party = std::make_unique<Tracee>(stage().thread, kind == Party::its_next_child);
  party_goes_by_steps_ = party->goes_by_steps();
  stage().go.store(1);
  ring();
  if (kind == Party::its_next_child) {
    party->become_next_child();
  } else if (stage().begin_function != 0) {
    party->set_breakpoint(0, stage().begin_function);
    if (!party->run()) return nullptr;
    party->set_breakpoint(0, 0);
  }
  return party;
}

EndMark Stepper::end_mark() const { return {stage().end_function, stage().end_argument}; }

std::string Stepper::await_books() {
  if (!wait_for([&] { return stage().done.load() == trials_ || program_->ended(); }, patience_)) {
    return "the others hang:" + describe_descendants();
  }
  if (stage().done.load() != trials_) return "the program has died";
  return stage().failures;
}

std::string Stepper::await_death() {
  if (!wait_for([&] { return program_->ended(); }, patience_)) return "the program does not die";
  return program_->await_nobody();
}

Outcome Stepper::trial(Mode mode, FunctionRef<void(Outcome&)> lead) {
  if (!program_) {
    program_ = std::make_unique<Program>(scenario_.name, patience_);
    trials_ = 0;
    const auto rehearsal = trial(Mode::rehearse, [](Outcome&) {});
    if (!rehearsal.failure.empty()) return rehearsal;
  }
  ++trials_;
  for (Word* word : {&stage().go, &stage().phase, &stage().killed, &stage().let_go, &stage().announced,
                     &stage().acted, &stage().target}) {
    word->store(0);
  }
  for (auto& each : stage().notes) each.store(0);
  stage().failures[0] = 0;
  const bool is_slow = mode == Mode::walk || party_goes_by_steps_;
  stage().mode.store(static_cast<std::uint32_t>(mode));
  stage().slow.store(is_slow);
  stage().armed.store(mode != Mode::rehearse);
  stage().order.store(trials_);
  ring();

  Outcome outcome;
  if (is_slow) patience_ *= slow;
  const OnExit as_before([&] {
    if (is_slow) patience_ /= slow;
  });
  try {
    const Alarm alarm(patience_);
    lead(outcome);
  } catch (const Late& e) {
    outcome.failure = std::string(e.what()) + ":" + describe_descendants();
  } catch (const NoTracing&) {
    throw;
  } catch (const std::exception& e) {
    outcome.failure = e.what();
  }
  set_phase(Phase::over);
  const bool killed_it = stage().killed.load() != 0 && scenario_.kills_program && mode != Mode::stop_go;
  const auto books = !outcome.failure.empty() ? std::string() : killed_it ? await_death() : await_books();
  if (outcome.failure.empty()) outcome.failure = books;
  if (!outcome.failure.empty() || killed_it) program_.reset();
  return outcome;
}

Outcome Stepper::find(std::vector<Point>& points) {
  constexpr std::uint64_t most_steps = 3'000'000;
  return trial(Mode::walk, [&](Outcome& outcome) {
    const auto party = take_party();
    if (!party) return;
    outcome.met = true;
    bool ended = false;
    points = walk(*party, Modules(party->thread()), end_mark(), most_steps, ended);
    if (!ended) party->detach();
  });
}

Outcome Stepper::kill_at(const Point& point) {
  return trial(scenario_.mode, [&](Outcome& outcome) { lead_to(point, outcome); });
}

void Stepper::lead_to(const Point& point, Outcome& outcome) {
  const auto party = take_party();
  if (!party) return;
  const Modules modules(party->thread());
  const auto met = run_to(*party, modules, point, end_mark());
  outcome.met = met == Met::point;
  if (outcome.met) return act(*party, outcome);
  if (met == Met::end) party->detach();
}

void Stepper::act(Tracee& party, Outcome& outcome) {
  switch (scenario_.mode) {
    case Mode::rehearse:
    case Mode::walk:
      break;
    case Mode::kill:
      stage().killed.store(1);
      return party.kill();
    case Mode::stop_kill:
    case Mode::stop_go:
      set_phase(Phase::standing);
      stage().let_go.store(1);
      ring();
      if (!wait_for([] { return stage().acted.load() != 0; }, patience_)) {
        outcome.failure = "the others wait for one that is stopped:" + describe_descendants();
      }
      if (scenario_.mode == Mode::stop_go) break;
      stage().killed.store(1);
      return party.kill();
    case Mode::kill_other:
      stage().let_go.store(1);
      ring();
      stage().killed.store(1);
      ::kill(static_cast<pid_t>(stage().target.load()), SIGKILL);
      await_end_of(static_cast<pid_t>(stage().target.load()));
      break;
  }
  party.detach();
}

std::string Stepper::end() {
  if (!program_) return {};
  auto what = program_->end();
  program_.reset();
  return what;
}

}  // namespace points
