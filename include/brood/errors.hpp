#pragma once
/// What brood throws. Every message is a sentence that names what failed and what to do about it.
/// All are derived from brood::Error; catch the ones you can act on.
///
///   try {
///     line = lines.get(1s);
///   } catch (const brood::Empty&) {  // a second without a line: ask again later
///   } catch (const brood::Error& e) {
///     std::fprintf(stderr, "%s\n", e.what());
///   }
///
/// How a task of a pool fails is in <brood/task_errors.hpp>.

#include <stdexcept>
#include <string>

namespace brood {

/// The root of everything brood throws. what() is the whole message.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The program used brood in a way that cannot work (start twice, join before start, ...); the text says what
/// to do instead. A mistake in the program, not in its surroundings.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A call of the operating system failed. The text is "<call> <object>: <reason>".
class OsError : public Error {
 public:
  /// `what` names call and object; `code` is an errno value, whose text is added.
  OsError(const std::string& what, int code);
  /// The errno value: ENOMEM, EACCES, ...
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Memory that processes share ran out: a value, a queue or a worker found no room in the arena. The text
/// names the size that was asked for and what to do; room comes back as values are taken. See
/// InitOptions::arena_bytes.
class NoMemory : public Error {
 public:
  using Error::Error;
};

/// A process could not be made; the text carries the system's reason (no memory, too many processes). Thrown
/// by Process::start where it is known at once, else by what waits for the birth: pid, join, exitcode,
/// is_alive, sentinel and the signals of Process.
class StartFailed : public Error {
 public:
  using Error::Error;
};

/// A process ended and its exit status is not to be had: somebody else reaped it (a waitpid of the program's
/// own), or it went with a dying server. Thrown by Process::exitcode alone.
class StatusUnknown : public Error {
 public:
  using Error::Error;
};

/// A wait with a limit ran into it: Future::get with a timeout. The task goes on and may be waited for again.
/// (Waits that can answer false, as Process::join and Future::wait, do not throw it.)
class TimeoutError : public Error {
 public:
  using Error::Error;
};

/// Queue: nothing to get (now, or within the timeout). Queue::try_get tells the same without an exception.
class Empty : public Error {
 public:
  /// With the one text there is.
  Empty() : Error("the queue is empty") {}
};

/// Queue: no room to put (now, or within the timeout). The value was not put. Queue::try_put tells the same
/// without an exception.
class Full : public Error {
 public:
  /// With the one text there is.
  Full() : Error("the queue is full") {}
};

/// Queue: closed. Out of put: nothing can be put any more. Out of get: and all that was put has been taken;
/// for a reader it is the end of the input.
class Closed : public Error {
 public:
  /// With the one text there is.
  Closed() : Error("the queue is closed") {}
};

/// Bytes that arrived are not a value of the expected type. Nothing was built from them.
class DecodeError : public Error {
 public:
  using Error::Error;
};

}  // namespace brood
