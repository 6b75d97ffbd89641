#pragma once
/// The exceptions with which a pool's task can fail.
///
/// An exception thrown by the task arrives as its own type if that type is one of the standard library's
/// (those of `<stdexcept>` and `<new>`, system_error, the bad_... types), a plain one of brood's, or was
/// registered with carry_exception; it is then also a RemoteTrace. Any other exception arrives as
/// RemoteError.
///
///   try {
///     pages = future.get();
///   } catch (const brood::WorkerDied& e) {       // the process is gone: e.signal(), e.last_lines()
///     retry(e.what());
///   } catch (const std::out_of_range& e) {       // what the task threw, as itself
///     if (auto* remote = dynamic_cast<const brood::RemoteTrace*>(&e)) log(remote->remote_trace());
///   } catch (const brood::RemoteError& e) {      // of a type that does not travel: "my::Error: page 7"
///     log(e.what());
///   }

#include <array>
#include <brood/codec.hpp>
#include <brood/detail/std_parts.hpp>
#include <brood/detail/type_name.hpp>
#include <brood/errors.hpp>
#include <exception>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace brood {

namespace detail {
class Origin;
using OriginPtr = std::shared_ptr<const Origin>;
}  // namespace detail

/// Second base of every exception that comes from another process: tells where it was thrown, and by which
/// task. It is not a std::exception by itself. The worker sends addresses only; the receiving process looks
/// up names (and files and lines, if libdw is available) when a text is first requested. The first lookup in
/// a module takes milliseconds, later ones microseconds; exceptions whose texts nobody requests cost nothing.
/// Both remote_trace() and remote_task() may throw std::bad_alloc. Any thread may call them.
class RemoteTrace {
 public:
  /// For brood: makes the trace of an exception of this type and origin.
  RemoteTrace(std::string type, detail::OriginPtr origin)
      : type_(std::move(type)), origin_(std::move(origin)) {}
  virtual ~RemoteTrace() = default;
  /// The type's name: "std::runtime_error".
  const std::string& remote_type() const { return type_; }
  /// The stack at the throw, one line per frame; empty when it could not be determined.
  const std::string& remote_trace() const;
  /// The task that threw it: "parse(std::string) called with (\"page-7\") in PoolWorker-1 (pid 71)". When the
  /// exception passed through other tasks that waited for this one, each of them has a line. Arguments are
  /// formatted as in WorkerDied::arguments(). Empty when the task is not known.
  const std::string& remote_task() const;
  /// For brood: the origin of the exception.
  const detail::OriginPtr& origin() const { return origin_; }

 private:
  std::string type_;
  detail::OriginPtr origin_;
};

/// The task threw an exception whose type does not travel. what() is "type: text"; for something other than a
/// std::exception, "an int was thrown, which is not a std::exception: 42", with the value if it is a number
/// or a text.
class RemoteError : public detail::RuntimeError, public RemoteTrace {
 public:
  /// For brood: makes the exception.
  RemoteError(const std::string& what, std::string type, detail::OriginPtr origin)
      : ErrorAs(what), RemoteTrace(std::move(type), std::move(origin)) {}
};

/// The process that ran the task ended in the middle of it: by a signal, exit() or the out-of-memory killer.
/// No other task is affected, and the pool replaces the worker. The task may have done part of its work; only
/// you can tell whether it may run again (see CallOptions::idempotent). what() is a sentence with everything
/// below, and ends with the first stack frame that is in your own code; names are looked up when what() or
/// the stack is first requested.
class WorkerDied : public detail::RuntimeError {
 public:
  /// For brood: makes the exception with the text of the stack.
  WorkerDied(const std::string& what, int signal, int exit_code, int pid, std::string task,
             std::string arguments, std::string last_lines, std::string stack)
      : ErrorAs(what),
        signal_(signal),
        exit_code_(exit_code),
        pid_(pid),
        task_(std::move(task)),
        arguments_(std::move(arguments)),
        last_lines_(std::move(last_lines)),
        stack_(std::move(stack)) {}
  /// For brood: makes the exception with an origin, whose stack becomes text on request.
  WorkerDied(const std::string& what, int signal, int exit_code, int pid, std::string task,
             std::string arguments, std::string last_lines, detail::OriginPtr origin)
      : WorkerDied(what, signal, exit_code, pid, std::move(task), std::move(arguments), std::move(last_lines),
                   std::string()) {
    origin_ = std::move(origin);
  }
  /// The whole message, as a sentence.
  const char* what() const noexcept override;
  /// The signal that ended the process (SIGSEGV, SIGKILL, ...), or 0.
  int signal() const { return signal_; }
  /// The exit code when the process ended by exit, otherwise -1.
  int exit_code() const { return exit_code_; }
  /// The id of the dead process; another process may have the same id by now.
  int pid() const { return pid_; }
  /// The function that the process ran: "parse(std::filesystem::path)".
  const std::string& task() const { return task_; }
  /// The function's arguments as a short text: "\"page-7.pdf\", 300". Lists numbers, enumerations and
  /// strings, up to the first argument of another type, which appears as "..."; empty for a task submitted by
  /// another task.
  const std::string& arguments() const { return arguments_; }
  /// The last lines that the process wrote to stderr, at most eight of up to 4 KiB each; they were also
  /// printed on the program's stderr as they arrived.
  const std::string& last_lines() const { return last_lines_; }
  /// The stack at SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT, one line per frame; empty for other deaths and
  /// when it could not be determined. The dying process records it itself, so it may be wrong if the process
  /// was badly corrupted.
  const std::string& stack() const;

 private:
  int signal_, exit_code_, pid_;
  std::string task_, arguments_, last_lines_, stack_;
  detail::OriginPtr origin_;
};

/// The task did not end by its deadline or within its time limit (see CallOptions). Nothing of it is running
/// any more.
class DeadlineExceeded : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The task was cancelled: by Future::cancel() before it began, or by cancel(brood::CancelMode::kill) before
/// it ended.
class Cancelled : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The task used or requested more memory than its worker may have (CallOptions::memory_limit,
/// PoolOptions::memory_limit).
class MemoryLimitExceeded : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The pool was terminated before the task ended; the task may have begun.
class PoolTerminated : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The pool cannot run tasks: its initializer threw, or no worker is alive and too many in a row died before
/// they were ready (PoolOptions::restart_intensity). The text contains the cause. Every waiting task and
/// every later submission throws it.
class PoolBroken : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

namespace detail {

template <class E>
class Carried : public E, public RemoteTrace {
 public:
  Carried(E e, std::string type, OriginPtr origin)
      : E(std::move(e)), RemoteTrace(std::move(type), std::move(origin)) {}
};

/// An exception that was thrown with std::throw_with_nested.
template <class E>
class Caused : public E, public std::nested_exception {
 public:
  explicit Caused(E e) : E(std::move(e)) {}
};

/// The exception e, with `cause` nested inside it if there is one.
template <class E>
std::exception_ptr with_cause(E e, const std::exception_ptr& cause) {
  if constexpr (!std::is_base_of_v<std::nested_exception, E>) {
    if (cause) {
      try {
        std::rethrow_exception(cause);
      } catch (...) {  // a nested_exception captures the exception being handled when it is constructed
        return std::make_exception_ptr(Caused<E>(std::move(e)));
      }
    }
  }
  return std::make_exception_ptr(std::move(e));
}

/// How to recognise, encode and rethrow exceptions of a type that travels.
struct ExceptionCarrier {
  using Types = std::array<const std::type_info*, 4>;
  std::string type;
  Types types;                         // of the thrown objects that this carrier handles
  void (*encode_current)(Writer& to);  // encodes the exception being handled, which is of one of these types
  std::exception_ptr (*decode)(Reader& from, std::string type, OriginPtr origin,
                               const std::exception_ptr& cause);
};
void add_carrier(ExceptionCarrier carrier);

/// The types of E itself, of E as rethrown by the receiver, and of each with another exception nested inside.
template <class E, class Arrived>
ExceptionCarrier::Types types_of() {
  if constexpr (std::is_base_of_v<std::nested_exception, E>) {
    return {&typeid(E), &typeid(Arrived)};
  } else {
#ifdef __GLIBCXX__
    return {&typeid(E), &typeid(Arrived), &typeid(Caused<Arrived>), &typeid(std::_Nested_exception<E>)};
#else
    return {&typeid(E), &typeid(Arrived), &typeid(Caused<Arrived>)};
#endif
  }
}

/// Registers E with stateless functions Write(to, e) and Read(from).
template <class E, class Write, class Read>
void add_carrier_of(Write, Read) {
  using Arrived = Carried<E>;
  add_carrier({std::string(type_name<E>()), types_of<E, Arrived>(),
               [](Writer& to) {
                 try {
                   throw;
                 } catch (const E& e) {
                   Write()(to, e);
                 }
               },
               [](Reader& from, std::string type, OriginPtr origin, const std::exception_ptr& cause) {
                 return with_cause(Arrived(Read()(from), std::move(type), std::move(origin)), cause);
               }});
}

template <class E>
concept made_of_its_text =
    std::is_base_of_v<std::exception, E> && std::is_constructible_v<E, const std::string&>;

}  // namespace detail

/// Lets exceptions of type E arrive as their own type. An E with a specialisation of Codec travels by it; any
/// other E must be constructible from a std::string, and is rebuilt from its what(). Call this once, before
/// brood::init or while initialising a global, so that all processes know the type. It applies to exceptions
/// of exactly this type, not of classes derived from it.
///
///   struct BadPage : std::runtime_error {
///     using std::runtime_error::runtime_error;
///   };
///
///   int main(int argc, char** argv) {
///     brood::carry_exception<BadPage>();
///     brood::init(argc, argv);
///
/// For an exception that holds more than a text:
///
///   template <> struct brood::Codec<NoPage> {
///     static void encode(brood::Writer& to, const NoPage& e) { to.value(e.page()); }
///     static NoPage decode(brood::Reader& from) { return NoPage(from.value<int>()); }
///   };
template <class E>
void carry_exception() {
  static_assert(
      detail::HasCodec<E> || detail::made_of_its_text<E>,
      "brood: carry_exception<E> needs an E that is a std::exception and can be made of a std::string, or a "
      "specialisation of brood::Codec<E>");
  if constexpr (detail::HasCodec<E>) {
    detail::add_carrier_of<E>([](Writer& to, const E& e) { to.value(e); },
                              [](Reader& from) { return from.value<E>(); });
  } else if constexpr (detail::made_of_its_text<E>) {
    detail::add_carrier_of<E>([](Writer& to, const E& e) { to.value(std::string(e.what())); },
                              [](Reader& from) { return E(from.value<std::string>()); });
  }
}

}  // namespace brood
