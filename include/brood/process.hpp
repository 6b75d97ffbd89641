#pragma once
/// Process: runs a function in a process of its own.
///
///   brood::Process p(report, "warm", 3);                       // a function and its arguments
///   brood::Process q({.name = "weather", .daemon = true}, report, Weather{.word = "warm"});
///   p.start();
///   p.join();
///   p.exitcode();                                              // 0
///
/// Arguments are converted to the parameters' types here and travel as values (<brood/codec.hpp>). To pass
/// keyword arguments, use an aggregate with designated initialisers.
///
/// A Process object is a handle. Destroying it neither waits for the process nor kills it: the program owns
/// the process. When the program ends normally, daemons get SIGTERM and a second later SIGKILL, and other
/// processes are joined (those still running after 5 s are named on stderr). When the program ends in any
/// other way, all its descendants are gone within 100 ms.
///
/// A handle may be used by one thread at a time; different threads may use different handles. Only the
/// process that made a Process may start, join, close or signal it. brood cannot be used in a process made by
/// the program's own fork(): UsageError.
///
/// Children share the program's terminal: docs/setup.md has a table of what they may do there, and of what
/// Ctrl-C and Ctrl-Z do.
///
/// An exception that escapes the child's function is printed on the child's stderr, with the stack of the
/// throw, and the exit code is 1. When a child dies of a signal that this program did not send with
/// terminate, kill or interrupt, a line on the program's stderr reports it once it is noticed: name, pid,
/// signal and, after a crash, the place in the child's code (not for children made by spawn). pthread_exit in
/// the child's first thread lets the other threads finish and counts as a return. Cost: see the table in
/// <brood/start_method.hpp>.

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

/// Options for a process: `brood::Process p({.name = "weather", .daemon = true}, report, 3);`.
struct ProcessOptions {
  /// The process's name; default Process-N, and Process-N:M for the children of Process-N. ps shows its first
  /// 15 bytes.
  std::string name = {};
  /// Whether the process is ended with the program instead of being joined. Default: as for the process that
  /// makes it. Daemons may have children.
  std::optional<bool> daemon = {};
  /// Start method, which decides what the child is a copy of; <brood/start_method.hpp> compares the methods.
  StartMethod method = StartMethod::forkserver;
  /// Whether the child makes its own fork server right when it starts, so that it can start processes even
  /// once it has threads. Otherwise the server is made when the child first starts a process, which requires
  /// that the child has only one thread then.
  bool nests = false;
};

/// Tag type: the child is a copy of the caller and may call anything, even a lambda that captures references.
/// For the drawbacks see StartMethod::fork. Written `brood::forked`.
struct Forked {
  explicit Forked() = default;
};
/// Tag that selects a forked copy of the caller: `brood::Process p(brood::forked, [&] { use(local); });`.
inline constexpr Forked forked{};

class Process {
 public:
  /// Makes a process without a function, for subclasses that override run(); see also make_process.
  explicit Process(ProcessOptions options = {});

  /// Makes a process that runs f(args...) once started. The arguments are converted and encoded here, once;
  /// exceptions from encoding are thrown here. The result of f is dropped.
  template <class F, class... Args>
    requires(!std::is_base_of_v<Process, std::decay_t<F>> &&
             !std::is_same_v<std::decay_t<F>, ProcessOptions> && !std::is_same_v<std::decay_t<F>, Forked>)
  explicit Process(F&& f, Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(f), std::forward<Args>(args)...) {}

  /// Makes a process with options: `brood::Process p({.name = "reader"}, read, queue);`.
  template <class F, class... Args>
  Process(ProcessOptions options, F&& f, Args&&... args)
      : Process(std::move(options), detail::pack(std::forward<F>(f), std::forward<Args>(args)...)) {}

  /// Makes a process that runs f() in a forked copy of the caller; options.method is ignored.
  template <class F>
  Process(Forked, ProcessOptions options, F&& f)
      : Process(forked, std::move(options), detail::Copied{std::forward<F>(f)}) {}
  /// Makes a process that runs f() in a forked copy of the caller, without options.
  template <class F>
    requires std::is_invocable_v<F&>
  Process(Forked, F&& f) : Process(forked, ProcessOptions{}, std::forward<F>(f)) {}

  /// Takes over the other handle's process; every member of the other except name() then throws UsageError.
  Process(Process&&) noexcept;
  /// Takes over the other handle's process; the process that this handle had before keeps running.
  Process& operator=(Process&&) noexcept;
  /// Destroys the handle; neither waits for the process nor kills it.
  virtual ~Process();

  /// The child's work. The default calls the function passed to the constructor, or does nothing if there is
  /// none; a subclass overrides it. Called directly, it runs in this process.
  virtual void run();

  /// Starts the process; may be called once. Returns as soon as the request has been sent (about 10 us). If
  /// the process cannot be created, the calls that wait for it to exist (pid, join and others) throw
  /// StartFailed. (StartMethod::fork creates the process at once, so start itself throws.) Throws UsageError
  /// when the process was started before or this process may not start it (the text says why and what to do),
  /// and NoMemory when the arguments do not fit into the arena.
  void start();

  /// Waits until the process has ended. False when it has not ended within the timeout; the process then
  /// keeps running: `if (!p.join(2s)) p.terminate();`. Throws UsageError before start, in a process other
  /// than the one that started it, and for the current process; StartFailed when the process could not be
  /// created.
  bool join(Timeout timeout = {});
  /// Waits until the given moment for the process to end; returns and throws as join does.
  template <class Clock, class D>
  bool join_until(std::chrono::time_point<Clock, D> when) {
    return join(Timeout::until(when));
  }

  /// True from start until the process has ended. False before start.
  bool is_alive();

  /// Sends SIGTERM to the process and the programs it started, unless it has ended. Children that the process
  /// made with brood end with it. Throws UsageError before start and for a process that is not a child of
  /// this one. Does not wait; use join().
  void terminate();
  /// Sends SIGKILL, which no process can catch or ignore; otherwise like terminate.
  void kill();
  /// Sends SIGINT; otherwise like terminate.
  void interrupt();

  /// Releases the handle's resources; afterwards every member except name() throws UsageError. Throws
  /// UsageError while the process is running. Calling close again has no effect.
  void close();

  /// The exit code (0 to 255), or minus the number of the signal that ended the process: -15 after
  /// terminate(). Nothing while the process has not ended. Does not wait for the end. Throws StatusUnknown
  /// when other code has reaped the process, StartFailed when it could not be created.
  std::optional<int> exitcode();

  /// The process id; nothing before start. Waits until the process exists; throws StartFailed when it could
  /// not be created.
  std::optional<int> pid();

  /// The name given by options or set_name(), or Process-N. Works after close() too.
  const std::string& name() const;
  /// Changes the name, at any time. ps keeps showing the name that the process was started with.
  void set_name(std::string name);

  /// True when the process is ended with the program instead of being joined.
  bool daemon() const;
  /// Sets whether the process is a daemon (see daemon()). Throws UsageError after start.
  void set_daemon(bool daemon);

  /// A descriptor (a pidfd) that becomes readable when the process has ended, for poll and event loops. The
  /// handle owns it: do not close it. The first call opens it, and throws OsError when the program has run
  /// out of descriptors. UsageError before start.
  int sentinel();

  /// Prints `<brood::Process name='weather' pid=42 parent=7 started>`, in Python's format.
  friend std::ostream& operator<<(std::ostream& out, const Process& process);
  /// The text that operator<< prints: class, name, pid, parent, then `initial`, `started` or
  /// `stopped exitcode=...`, and `daemon`.
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

// While this object lives, the next Process constructed in this thread represents the current process: that
// is how a child constructs its object of a subclass.
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

/// Makes a process of your own class: `auto counter = brood::make_process<Counter>(1, "one");`. The arguments
/// travel; the child constructs its own Counter from them and calls run() on it. The object returned here is
/// the handle. (With a plain `Counter c(1, "one"); c.start();` the fields exist only in this process, so
/// start uses fork, which requires that there is only one thread.) Both processes call the constructor of T,
/// so leave the work to run(). T must be movable.
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

/// The current process as an object with a name, a pid and so on. Starting, joining or signalling it throws
/// UsageError.
Process current_process();
/// The process that started this one; nothing in the main program. is_alive and join work; its exit code is
/// not available.
std::optional<Process> parent_process();
/// The children of this process that have been started and have not ended, including workers of pools.
std::vector<Process> active_children();

}  // namespace brood
