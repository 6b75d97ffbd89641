#pragma once
/// What brood throws. Every message is a sentence that names what failed and what to do about it.
/// All are derived from brood::Error; catch the ones you can act on.

#include <stdexcept>
#include <string>

namespace brood {

/// The root of everything brood throws.
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
  OsError(const std::string& what, int code);
  /// The errno value.
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Memory that processes share ran out; the text names the size that was asked for and what is left.
class NoMemory : public Error {
 public:
  using Error::Error;
};

/// A process could not be made; the text carries the system's reason.
class StartFailed : public Error {
 public:
  using Error::Error;
};

/// A process ended and its exit status is not to be had: somebody else reaped it, or it went with a dying
/// server.
class StatusUnknown : public Error {
 public:
  using Error::Error;
};

/// A wait with a limit ran into it. The thing waited for is unharmed and may be waited for again.
class TimeoutError : public Error {
 public:
  using Error::Error;
};

/// Queue: nothing to get (now, or within the timeout).
class Empty : public Error {
 public:
  Empty() : Error("the queue is empty") {}
};

/// Queue: no room to put (now, or within the timeout).
class Full : public Error {
 public:
  Full() : Error("the queue is full") {}
};

/// Queue: closed; nothing can be put any more, and all that was put has been taken.
class Closed : public Error {
 public:
  Closed() : Error("the queue is closed") {}
};

/// Bytes that arrived are not a value of the expected type. Nothing was built from them.
class DecodeError : public Error {
 public:
  using Error::Error;
};

}  // namespace brood
