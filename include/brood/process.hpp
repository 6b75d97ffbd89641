#pragma once
/// Process: a function that runs in a process of its own.
///
///   brood::Process p(report, "warm", 3);                       // a function and its arguments
///   brood::Process q({.name = "weather", .daemon = true}, report, Weather{.word = "warm"});
///   p.start();
///   p.join();
///   p.exitcode();                                              // 0
///
/// Arguments are converted to the parameters' types here and travel as values (<brood/codec.hpp>). Keyword
/// arguments are an aggregate with designated initialisers.
///
/// A Process object is a handle. Destroying it neither waits nor kills: the program owns the process. When
/// the program ends normally, daemons get SIGTERM and a second later SIGKILL, the others are joined (those
/// still there after 5 s are named on stderr). When it ends in any other way, all its descendants are gone
/// within 100 ms.
///
/// Handles may be used by one thread at a time; different handles by different threads. Only the process that
/// made a Process may start, join, close or signal it. In a process that the program's own fork() made, brood
/// cannot be used: UsageError.
///
/// An exception that leaves the child's function is printed on its stderr, with the stack of the throw, and
/// its exit code is 1. The death by a signal that this program did not send with terminate, kill or interrupt
/// is told in a line on the program's stderr, when it is noticed: name, pid, signal and, after a crash, where
/// in the child's code that was (not of children by spawn). pthread_exit in the child's first thread lets its
/// other threads end and is a return. Cost: see the table in <brood/start_method.hpp>.

#include <brood/detail/packed_call.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/errors.hpp>
#include <brood/start_method.hpp>
#include <brood/timeout.hpp>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood {

namespace process {
class Child;
}

namespace detail {
struct Copied {
  std::function<void()> call;
};
}  // namespace detail

/// How a process is made: `brood::Process p({.name = "weather", .daemon = true}, report, 3);`.
struct ProcessOptions {
  /// Default: Process-N, and Process-N:M for the children of Process-N. Shown by ps (15 bytes of it).
  std::string name = {};
  /// Ends with the program instead of being waited for. Default: as the process that makes it. Daemons may
  /// have children.
  std::optional<bool> daemon = {};
  /// What the child is a copy of, if of anything; what each way promises is in <brood/start_method.hpp>.
  StartMethod method = StartMethod::forkserver;
  /// The child makes its own fork server at birth, so that it can start processes also once it has threads.
  /// Without it the server is made at its first start, which needs one thread.
  bool nests = false;
};

/// Tag: the child is a copy of the caller and may call anything, also a lambda that captures references.
/// See StartMethod::fork for the price. Written `brood::forked`.
struct Forked {
  explicit Forked() = default;
};
/// The tag: `brood::Process p(brood::forked, [&] { use(local); });`.
inline constexpr Forked forked{};

class Process {
 public:
  /// For subclasses, which override run(); see also make_process.
  explicit Process(ProcessOptions options = {});

  /// Runs f(args...) in the child. The arguments are converted and encoded here, once; what encoding throws
  /// is thrown here. What f returns is dropped.
  template <class F, class... Args>
    requires(!std::is_base_of_v<Process, std::decay_t<F>> &&
             !std::is_same_v<std::decay_t<F>, ProcessOptions> && !std::is_same_v<std::decay_t<F>, Forked>)
  explicit Process(F&& f, Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(f), std::forward<Args>(args)...) {}

  /// With options: `brood::Process p({.name = "reader"}, read, queue);`.
  template <class F, class... Args>
  Process(ProcessOptions options, F&& f, Args&&... args)
      : Process(std::move(options), detail::pack(std::forward<F>(f), std::forward<Args>(args)...)) {}

  /// Runs f() in a copy of the caller, made by fork; options.method is not looked at.
  template <class F>
  Process(Forked, ProcessOptions options, F&& f)
      : Process(forked, std::move(options), detail::Copied{std::forward<F>(f)}) {}
  /// A copy of the caller that calls f, without options.
  template <class F>
    requires std::is_invocable_v<F&>
  Process(Forked, F&& f) : Process(forked, ProcessOptions{}, std::forward<F>(f)) {}

  /// Takes the process over; everything but name() of the other then throws UsageError.
  Process(Process&&) noexcept;
  /// Takes the process over; the one that this handle had runs on.
  Process& operator=(Process&&) noexcept;
  /// Neither waits nor kills.
  virtual ~Process();

  /// What the child does. The default calls the target, or does nothing without one; a subclass overrides it.
  /// Called directly it runs here.
  virtual void run();

  /// Makes the process; once. Returns when the request is on its way (about 10 us): that the process could
  /// not be made is told by pid, join and the others, which wait for its birth, as StartFailed.
  /// (StartMethod::fork makes it at once, and throws at once.) Throws UsageError: started before, or this
  /// process may not (it says why and what to do); NoMemory for arguments of more than the arena has room.
  void start();

  /// Waits until the process has ended. False when it has not within the timeout; it goes on:
  /// `if (!p.join(2s)) p.terminate();`. Throws UsageError before start, in another process than the one that
  /// started it, and for the current process; StartFailed when it could not be made.
  bool join(Timeout timeout = {});
  /// Waits until that moment; returns and throws as join.
  template <class Clock, class D>
  bool join_until(std::chrono::time_point<Clock, D> when) {
    return join(Timeout::until(when));
  }

  /// Started and not ended. False before start.
  bool is_alive();

  /// SIGTERM to the process and the programs it started, unless it has ended. Its own children end with it.
  /// Throws UsageError before start and for a process that is not this one's child. Does not wait: join()
  /// does.
  void terminate();
  /// As terminate, with SIGKILL, which no process can catch or ignore.
  void kill();
  /// As terminate, with SIGINT.
  void interrupt();

  /// Gives up the handle's resources: afterwards everything but name() throws UsageError. Calling it again
  /// has no effect. Throws UsageError while the process runs.
  void close();

  /// Nothing before the end; then the code (0 to 255), or minus the signal that ended it: -15 after
  /// terminate(). Does not wait for the end. Throws StatusUnknown when somebody else has reaped the process,
  /// StartFailed when it could not be made.
  std::optional<int> exitcode();

  /// The process id; nothing before start. Waits for the birth; throws StartFailed when there was none.
  std::optional<int> pid();

  /// As it was given, or Process-N. Also after close().
  const std::string& name() const;
  /// May be changed at any time; a running process keeps the one it was started with in ps.
  void set_name(std::string name);

  /// Ends with the program instead of being waited for.
  bool daemon() const;
  /// Before start; UsageError afterwards.
  void set_daemon(bool daemon);

  /// A descriptor (a pidfd) that polls readable when the process has ended, for poll and event loops; owned
  /// by the handle, so do not close it. UsageError before start. The first call opens it: OsError without
  /// descriptors.
  int sentinel();

  /// `<brood::Process name='weather' pid=42 parent=7 started>`, as Python prints it.
  friend std::ostream& operator<<(std::ostream& out, const Process& process);
  /// The text that operator<< prints: class, name, pid, parent, then `initial`, `started` or `stopped
  /// exitcode=...`, and `daemon`.
  std::string to_string() const;

 protected:
  template <class T, class... Args>
  friend T make_process(Args&&... args);
  friend Process current_process();
  friend std::optional<Process> parent_process();
  friend std::vector<Process> active_children();

 private:
  Process(ProcessOptions options, detail::PackedCall call);
  Process(Forked, ProcessOptions options, detail::Copied copied);
  explicit Process(std::shared_ptr<process::Child> child);
  process::Child& child() const;
  void ship(detail::PackedCall construct_and_run);

  std::shared_ptr<process::Child> child_;
  std::string closed_name_;
};

namespace detail {

// While it lives, the next Process that this thread constructs is the current process itself: the object that
// a child makes of a subclass.
class ConstructingSelf {
 public:
  ConstructingSelf();
  ~ConstructingSelf();
  ConstructingSelf(const ConstructingSelf&) = delete;
  ConstructingSelf& operator=(const ConstructingSelf&) = delete;
};

template <class T>
struct ConstructAndRun {
  template <class... Args>
  void operator()(Args&&... args) const {
    std::optional<ConstructingSelf> self(std::in_place);
    T object(std::forward<Args>(args)...);
    self.reset();
    static_cast<Process&>(object).run();
  }
};

}  // namespace detail

/// A process whose class is yours: `auto counter = brood::make_process<Counter>(1, "one");`. The arguments
/// travel, and the child constructs its own Counter from them and calls run() on it; the one returned here is
/// the handle. (A plain `Counter c(1, "one"); c.start();` has its fields in this process only; it starts by
/// fork, while there is one thread.) Both constructions call the constructor of T: let it do little, and
/// run() the work. T must be movable.
template <class T, class... Args>
T make_process(Args&&... args) {
  constexpr bool is_process = std::is_base_of_v<Process, T>;
  constexpr bool is_made = std::is_constructible_v<T, detail::Natural<Args>...>;
  constexpr bool moves = std::is_move_constructible_v<T>;
  static_assert(is_process, "brood: make_process<T> makes subclasses of brood::Process");
  static_assert(
      is_made,
      "brood: T cannot be constructed from these arguments as they would arrive in the child (text as "
      "std::string)");
  static_assert(
      moves,
      "brood: make_process<T> needs a T that can be moved, and a member (a std::mutex, a std::atomic) "
      "forbids it: make that member in run(), or hold it by std::unique_ptr");
  if constexpr (is_process && is_made && moves) {
    auto call = detail::pack(detail::ConstructAndRun<T>{}, args...);
    T process(std::forward<Args>(args)...);
    process.ship(std::move(call));
    return process;
  }
}

/// This process as an object: its name, pid and so on. Starting, joining and signalling it is a UsageError.
Process current_process();
/// The process that started this one, nothing in the program itself. is_alive and join work; it has no exit
/// code here.
std::optional<Process> parent_process();
/// The children of this process that have been started and have not ended, workers of pools included.
std::vector<Process> active_children();

}  // namespace brood
