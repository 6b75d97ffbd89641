#pragma once
/// How a task of a pool can fail.
///
/// An exception that the task threw arrives as its own type when that is one of the standard library's (those
/// of
/// `<stdexcept>` and `<new>`, system_error, the bad_... ones) or a plain one of brood's, or was named with
/// carry_exception; it is then also a RemoteTrace. Any other arrives as RemoteError.
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

/// What every exception out of another process has besides its own type: catch it as this to see where it was
/// thrown, and by which task. Not an exception by itself. The worker sends addresses; names, and files and
/// lines where libdw is there, are looked up in the process that asks, when it first does. The first look at
/// a module takes milliseconds, later ones microseconds; an exception that nobody looks at costs none of it.
/// Both texts may throw std::bad_alloc. Any thread may ask.
class RemoteTrace {
 public:
  /// For brood.
  RemoteTrace(std::string type, detail::OriginPtr origin)
      : type_(std::move(type)), origin_(std::move(origin)) {}
  virtual ~RemoteTrace() = default;
  /// The type's name: "std::runtime_error".
  const std::string& remote_type() const { return type_; }
  /// The stack of the throw, a line a frame; empty when it could not be told.
  const std::string& remote_trace() const;
  /// The task that threw it: "parse(std::string) called with (\"page-7\") in PoolWorker-1 (pid 71)". Where
  /// other tasks waited for that one and let the exception pass, each has a line. Arguments are as in
  /// WorkerDied::arguments(). Empty when it is not known.
  const std::string& remote_task() const;
  /// For brood.
  const detail::OriginPtr& origin() const { return origin_; }

 private:
  std::string type_;
  detail::OriginPtr origin_;
};

/// The task threw something whose type does not travel. what() is "type: text"; of something that is no
/// std::exception: "an int was thrown, which is not a std::exception: 42", with its value where it is a
/// number or a text.
class RemoteError : public detail::RuntimeError, public RemoteTrace {
 public:
  /// For brood.
  RemoteError(const std::string& what, std::string type, detail::OriginPtr origin)
      : ErrorAs(what), RemoteTrace(std::move(type), std::move(origin)) {}
};

/// The process that ran the task ended in the middle of it: a signal, exit(), the out-of-memory killer. No
/// other task is harmed, and the pool has a new worker. The task may have done part of its work; whether it
/// may run again is for you to say. what() is a sentence with all that is below, and ends with the first
/// place of the stack that is in code of yours; names are looked up when somebody first asks for it or for
/// the stack.
class WorkerDied : public detail::RuntimeError {
 public:
  /// For brood.
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
  /// For brood.
  WorkerDied(const std::string& what, int signal, int exit_code, int pid, std::string task,
             std::string arguments, std::string last_lines, detail::OriginPtr origin)
      : WorkerDied(what, signal, exit_code, pid, std::move(task), std::move(arguments), std::move(last_lines),
                   std::string()) {
    origin_ = std::move(origin);
  }
  /// The sentence.
  const char* what() const noexcept override;
  /// The signal that ended it (SIGSEGV, SIGKILL, ...), or 0.
  int signal() const { return signal_; }
  /// Its exit code when it ended by exit, else -1.
  int exit_code() const { return exit_code_; }
  /// The process that is gone; the number may be another's by now.
  int pid() const { return pid_; }
  /// The function it ran: "parse(std::filesystem::path)".
  const std::string& task() const { return task_; }
  /// What it was called with, as a short text: "\"page-7.pdf\", 300". Numbers, enumerations and strings, up
  /// to the first argument of another type, which is "..."; empty for a task that another task submitted.
  const std::string& arguments() const { return arguments_; }
  /// The end of what it wrote to stderr, at most eight lines of 4 KiB; they have been printed on the
  /// program's stderr as they came.
  const std::string& last_lines() const { return last_lines_; }
  /// Where it was when SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT hit it, a line a frame; empty for other
  /// deaths and where it could not be told. Found by the dying process itself, so trust it as far as that.
  const std::string& stack() const;

 private:
  int signal_, exit_code_, pid_;
  std::string task_, arguments_, last_lines_, stack_;
  detail::OriginPtr origin_;
};

/// The task did not end by its deadline or within its time limit (see CallOptions). Nothing of it runs any
/// more.
class DeadlineExceeded : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// Future::cancel() came before the task had begun, or cancel(brood::CancelMode::kill) before it had ended.
class Cancelled : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The task asked for more memory than its worker may have (CallOptions::memory_limit,
/// PoolOptions::memory_limit).
class MemoryLimitExceeded : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The pool was terminated before the task had ended; the task may have begun.
class PoolTerminated : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// The pool can run nothing: its initializer threw, or no worker lives and too many in a row have died before
/// they were ready (PoolOptions::restart_intensity). The text holds the cause. Every task that waits, and
/// every later submission, throws it.
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

/// One that was thrown with std::throw_with_nested.
template <class E>
class Caused : public E, public std::nested_exception {
 public:
  explicit Caused(E e) : E(std::move(e)) {}
};

/// The exception, with that one nested inside where there is one.
template <class E>
std::exception_ptr with_cause(E e, const std::exception_ptr& cause) {
  if constexpr (!std::is_base_of_v<std::nested_exception, E>) {
    if (cause) {
      try {
        std::rethrow_exception(cause);
      } catch (...) {  // what a nested_exception takes when it is made
        return std::make_exception_ptr(Caused<E>(std::move(e)));
      }
    }
  }
  return std::make_exception_ptr(std::move(e));
}

/// An exception of a type that travels: how to recognise it, to encode it, to throw it again.
struct ExceptionCarrier {
  using Types = std::array<const std::type_info*, 4>;
  std::string type;
  Types types;                         // of the objects that are thrown for it
  void (*encode_current)(Writer& to);  // of the exception being handled, which is one of these
  std::exception_ptr (*decode)(Reader& from, std::string type, OriginPtr origin,
                               const std::exception_ptr& cause);
};
void add_carrier(ExceptionCarrier carrier);

/// E itself; as it is thrown where it has arrived; and each with another one nested inside.
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

/// Write(to, e) and Read(from) are stateless.
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

/// Lets exceptions of type E arrive as themselves. An E that can be made of a std::string is made of its
/// what(); any other needs a specialisation of Codec, which is taken first where there is one. Call it once,
/// before brood::init or from a global's initialisation, so that all processes know. Only exceptions of
/// exactly this type travel so, none of classes derived from it.
///
///   struct BadPage : std::runtime_error {
///     using std::runtime_error::runtime_error;
///   };
///
///   int main(int argc, char** argv) {
///     brood::carry_exception<BadPage>();
///     brood::init(argc, argv);
///
/// With more in it than a text:
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
