#pragma once
/// What brood throws. Every message is a sentence that names what failed and what to do about it.
/// All are derived from brood::Error; catch the ones you can act on. All are std::exceptions as well: a
/// UsageError is a std::logic_error, an OsError a std::system_error, NoMemory a std::bad_alloc, and every
/// other one a std::runtime_error.
///
///   try {
///     line = lines.get(1s);
///   } catch (const brood::Empty&) {  // a second without a line: ask again later
///   } catch (const brood::Error& e) {
///     std::fprintf(stderr, "%s\n", e.what());
///   }
///
/// How a task of a pool fails is in <brood/task_errors.hpp>.

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace brood {

/// The root of everything brood throws. It is no exception by itself: each of its classes is also one of the
/// standard library's, so that `catch (const std::exception&)` gets it too.
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

/// One of brood's errors that is a Standard as well, whose what() is the message.
template <class Standard>
class ErrorAs : public Standard, public Error {
 public:
  using Standard::Standard;
  const char* what() const noexcept override { return Standard::what(); }
};
using RuntimeError = ErrorAs<std::runtime_error>;

}  // namespace detail

/// The program used brood in a way that cannot work (start twice, join before start, ...); the text says what
/// to do instead. A mistake in the program, not in its surroundings.
class UsageError : public detail::ErrorAs<std::logic_error> {
 public:
  using ErrorAs::ErrorAs;
};

/// A call of the operating system failed. The text is "<call> <object>: <reason>". code() is the errno value
/// in std::generic_category: `e.code() == std::errc::no_such_file_or_directory`.
class OsError : public detail::ErrorAs<std::system_error> {
 public:
  /// `what` names call and object; `code` is an errno value, whose text is added.
  OsError(const std::string& what, int code);
};

/// Memory that processes share ran out: a value, a queue or a worker found no room in the arena. The text
/// names the size that was asked for and what to do; room comes back as values are taken. See
/// InitOptions::arena_bytes.
class NoMemory : public std::bad_alloc, public Error {
 public:
  /// `text` is the whole message.
  explicit NoMemory(const std::string& text) : text_(text) {}
  /// The whole message.
  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;  // shared by copies, so that copying does not throw
};

/// A process could not be made; the text carries the system's reason (no memory, too many processes). Thrown
/// by Process::start where it is known at once, else by what waits for the birth: pid, join, exitcode,
/// is_alive, sentinel and the signals of Process.
class StartFailed : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// A process ended and its exit status is not to be had: somebody else reaped it (a waitpid of the program's
/// own), or it went with a dying server. Thrown by Process::exitcode alone.
class StatusUnknown : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// A wait with a limit ran into it: Future::get with a timeout. The task goes on and may be waited for again.
/// (Waits that can answer false, as Process::join and Future::wait, do not throw it.)
class TimeoutError : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

/// Queue: nothing to get (now, or within the timeout). Queue::try_get tells the same without an exception.
class Empty : public detail::RuntimeError {
 public:
  /// With the one text there is.
  Empty() : ErrorAs("the queue is empty") {}
};

/// Queue: no room to put (now, or within the timeout). The value was not put. Queue::try_put tells the same
/// without an exception.
class Full : public detail::RuntimeError {
 public:
  /// With the one text there is.
  Full() : ErrorAs("the queue is full") {}
};

/// Queue: closed. Out of put: nothing can be put any more. Out of get: and all that was put has been taken;
/// for a reader it is the end of the input.
class Closed : public detail::RuntimeError {
 public:
  /// With the one text there is.
  Closed() : ErrorAs("the queue is closed") {}
};

/// Bytes that arrived are not a value of the expected type. Nothing was built from them.
class DecodeError : public detail::RuntimeError {
 public:
  using ErrorAs::ErrorAs;
};

}  // namespace brood
