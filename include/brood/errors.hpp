#pragma once
/// The exceptions that brood throws. Every message is a sentence that names what failed and what to do about
/// it. All of them derive from brood::Error; catch the ones you can act on. Each is also a std::exception:
/// UsageError is a std::logic_error, OsError a std::system_error, NoMemory a std::bad_alloc, and every other
/// one a std::runtime_error.
///
///   try {
///     line = lines.get(1s);
///   } catch (const brood::Empty&) {  // a second without a line: ask again later
///   } catch (const brood::Error& e) {
///     std::fprintf(stderr, "%s\n", e.what());
///   }
///
/// For the ways a pool's task can fail see <brood/task_errors.hpp>.

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace brood {

/// Base of every exception that brood throws. Error itself is not a std::exception, but each class derived
/// from it also derives from a standard one, so `catch (const std::exception&)` catches it too.
class Error {
 public:
  virtual ~Error() = default;
  /// The whole message.
  virtual const char* what() const noexcept = 0;

 protected:
  Error() = default;
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
};

namespace detail {

/// A brood error that is also a Standard exception; what() is the message.
template <class Standard>
class ErrorAs : public Standard, public Error {
 public:
  using Standard::Standard;
  const char* what() const noexcept override { return Standard::what(); }
};
using RuntimeError = ErrorAs<std::runtime_error>;

}  // namespace detail

/// The program used brood in a way that cannot work (start twice, join before start, ...); the text says what
/// to do instead. It is a mistake in the program, not in its environment.
class UsageError : public detail::ErrorAs<std::logic_error> {
 public:
  using ErrorAs::ErrorAs;
};

/// A call of the operating system failed. The text is "<call> <object>: <reason>". code() is the errno value
/// in std::generic_category: `e.code() == std::errc::no_such_file_or_directory`.
class OsError : public detail::ErrorAs<std::system_error> {
 public:
  /// Makes the error of a failed call. `what` names the call and its object; `code` is an errno value, whose
  /// text is appended.
  OsError(const std::string& what, int code);
};

/// Shared memory ran out: there is no room in the arena for a value, a queue or a worker. The text names the
/// size requested and what to do; room is freed as values are taken. See InitOptions::arena_bytes.
class NoMemory : public std::bad_alloc, public Error {
 public:
  /// Makes the error with `text` as its whole message.
  explicit NoMemory(const std::string& text) : text_(text) {}
  /// The whole message.
  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // shared by copies, so that copying does not throw
};

/// A process could not be created; the text gives the system's reason (no memory, too many processes). Thrown
/// by Process::start when the failure is known at once, otherwise by the calls that wait for the process to
/// exist: pid, join, exitcode, is_alive, sentinel, and those that send it signals.
class StartFailed : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// A process ended, but its exit status is unavailable: other code reaped it (a waitpid in the program), or
/// it was lost with a dying server. Thrown only by Process::exitcode.
class StatusUnknown : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// A wait with a time limit expired, as in Future::get with a timeout. The task keeps running, and you can
/// wait for it again. (Calls that can return false, such as Process::join and Future::wait, do not throw it.)
class TimeoutError : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// Queue: nothing to get now, or within the timeout. Queue::try_get reports this without an exception.
class Empty : public detail::RuntimeError {
 public:
  /// Makes the exception with its fixed text.
  Empty() : ErrorAs("the queue is empty") {}
};

/// Queue: no room to put a value now, or within the timeout. The value was not put. Queue::try_put reports
/// this without an exception.
class Full : public detail::RuntimeError {
 public:
  /// Makes the exception with its fixed text.
  Full() : ErrorAs("the queue is full") {}
};

/// Queue: closed. From put: nothing can be put any more. From get: in addition everything that was put has
/// been taken; for a reader this is the end of the input.
class Closed : public detail::RuntimeError {
 public:
  /// Makes the exception with its fixed text.
  Closed() : ErrorAs("the queue is closed") {}
};

/// The bytes received are not a value of the expected type. No value was built from them.
class DecodeError : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

}  // namespace brood
