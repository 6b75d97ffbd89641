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
/// started a process may start, join or signal it.

#include <brood/detail/deadline.hpp>
#include <brood/detail/packed_call.hpp>
#include <brood/errors.hpp>
#include <brood/start_method.hpp>
#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
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

struct ProcessOptions {
  /// Default: Process-N, and Process-N:M for the children of Process-N. Shown by ps (15 bytes of it).
  std::string name = {};
  /// Ends with the program instead of being waited for. Default: as the process that makes it. Daemons may
  /// have children.
  std::optional<bool> daemon = {};
  StartMethod method = StartMethod::forkserver;
  /// The child makes its own fork server at birth, so that it can start processes also once it has threads.
  bool nests = false;
};

/// Tag: the child is a copy of the caller and may call anything, also a lambda that captures references.
/// See StartMethod::fork for the price.
struct Forked {
  explicit Forked() = default;
};
inline constexpr Forked forked{};

class Process {
 public:
  /// For subclasses, which override run(); see also make_process.
  explicit Process(ProcessOptions options = {});

  /// Runs f(args...) in the child.
  template <class F, class... Args>
    requires(!std::is_base_of_v<Process, std::decay_t<F>> &&
             !std::is_same_v<std::decay_t<F>, ProcessOptions> && !std::is_same_v<std::decay_t<F>, Forked>)
  explicit Process(F&& f, Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(f), std::forward<Args>(args)...) {}

  template <class F, class... Args>
  Process(ProcessOptions options, F&& f, Args&&... args)
      : Process(std::move(options), detail::pack(std::forward<F>(f), std::forward<Args>(args)...)) {}

  /// Runs f() in a copy of the caller, made by fork; options.method is not looked at.
  template <class F>
  Process(Forked, ProcessOptions options, F&& f)
      : Process(forked, std::move(options), detail::Copied{std::forward<F>(f)}) {}
  template <class F>
    requires std::is_invocable_v<F&>
  Process(Forked, F&& f) : Process(forked, ProcessOptions{}, std::forward<F>(f)) {}

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  virtual ~Process();

  /// What the child does. The default calls the target; a subclass overrides it. Called directly it runs
  /// here.
  virtual void run();

  /// Makes the process; once. Returns when the request is on its way (about 2 us): that the process could not
  /// be made is told by pid, join and the others, which wait for its birth, as StartFailed. Throws
  /// UsageError: started before, or this process may not (it says why and what to do); NoMemory.
  void start();

  /// Waits until the process has ended. True when it has, false when the time ran out (0 or less: does not
  /// wait). Throws UsageError before start, in another process than the one that started it, and for the
  /// current process.
  bool join();
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return join_until(detail::Deadline::in(timeout));
  }

  /// Started and not ended. False before start.
  bool is_alive();

  /// SIGTERM to the process and the programs it started, unless it has ended. Its own children end with it.
  /// Throws UsageError before start.
  void terminate();
  /// The same with SIGKILL, which nothing can hold off.
  void kill();
  /// The same with SIGINT.
  void interrupt();

  /// Gives up the handle's resources: afterwards everything but name() throws UsageError; again: fine. Throws
  /// UsageError while the process runs.
  void close();

  /// Nothing before the end; then the code, or minus the signal that ended it. Throws StatusUnknown when
  /// somebody else has reaped the process.
  std::optional<int> exitcode();

  /// Nothing before start.
  std::optional<int> pid();

  const std::string& name() const;
  /// May be changed at any time; a running process keeps the one it was started with in ps.
  void set_name(std::string name);

  bool daemon() const;
  /// Before start; UsageError afterwards.
  void set_daemon(bool daemon);

  /// A descriptor (a pidfd) that polls readable when the process has ended; owned by the handle. UsageError
  /// before start.
  int sentinel();

  /// <Process name='weather' pid=42 parent=7 started>, as Python prints it.
  friend std::ostream& operator<<(std::ostream& out, const Process& process);
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
  bool join_until(detail::Deadline until);
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
/// fork, while there is one thread.)
template <class T, class... Args>
T make_process(Args&&... args) {
  static_assert(std::is_base_of_v<Process, T>, "brood: make_process<T> makes subclasses of brood::Process");
  static_assert(
      std::is_constructible_v<T, detail::Natural<Args>...>,
      "brood: T cannot be constructed from these arguments as they would arrive in the child (text as "
      "std::string)");
  auto call = detail::pack(detail::ConstructAndRun<T>{}, args...);
  T process(std::forward<Args>(args)...);
  process.ship(std::move(call));
  return process;
}

/// This process as an object: its name, pid and so on. Starting, joining and signalling it is a UsageError.
Process current_process();
/// The process that started this one, nothing in the program itself. is_alive and join work; it has no exit
/// code here.
std::optional<Process> parent_process();
/// The children of this process that have not ended.
std::vector<Process> active_children();

}  // namespace brood
