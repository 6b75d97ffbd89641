#pragma once
/// How a task of a pool can fail.
///
/// An exception that the task threw arrives as its own type when that is one of the standard library's
/// (<stdexcept>, <new>, system_error, the bad_... ones) or a plain one of brood's, or was named with
/// carry_exception<E>(); it is then also a RemoteTrace. Any other arrives as RemoteError.

#include <brood/codec.hpp>
#include <brood/detail/type_name.hpp>
#include <brood/errors.hpp>
#include <exception>
#include <string>
#include <typeinfo>
#include <utility>

namespace brood {

/// What every exception out of another process has besides its own type: catch it as this to see where it was
/// thrown.
class RemoteTrace {
 public:
  RemoteTrace(std::string type, std::string trace) : type_(std::move(type)), trace_(std::move(trace)) {}
  virtual ~RemoteTrace() = default;
  /// The type's name: "std::runtime_error".
  const std::string& remote_type() const { return type_; }
  /// The stack of the throw, a line a frame; empty when it could not be told.
  const std::string& remote_trace() const { return trace_; }

 private:
  std::string type_, trace_;
};

/// The task threw something whose type does not travel. what() is "<type>: <text>".
class RemoteError : public Error, public RemoteTrace {
 public:
  RemoteError(const std::string& type, const std::string& text, std::string trace)
      : Error(type + ": " + text), RemoteTrace(type, std::move(trace)) {}
};

/// The process that ran the task ended in the middle of it. No other task is harmed.
class WorkerDied : public Error {
 public:
  WorkerDied(const std::string& what, int signal, int exit_code, int pid, std::string task,
             std::string last_lines)
      : Error(what),
        signal_(signal),
        exit_code_(exit_code),
        pid_(pid),
        task_(std::move(task)),
        last_lines_(std::move(last_lines)) {}
  /// The signal that ended it, or 0.
  int signal() const { return signal_; }
  /// Its exit code when it ended by exit, else -1.
  int exit_code() const { return exit_code_; }
  int pid() const { return pid_; }
  /// The function it ran.
  const std::string& task() const { return task_; }
  /// The end of what it wrote to stderr.
  const std::string& last_lines() const { return last_lines_; }

 private:
  int signal_, exit_code_, pid_;
  std::string task_, last_lines_;
};

/// The pool was terminated before the task had ended.
class PoolTerminated : public Error {
 public:
  using Error::Error;
};

/// The pool can run nothing: its workers do not come up (a failing initializer, a worker that dies at birth).
/// The text holds the first cause.
class PoolBroken : public Error {
 public:
  using Error::Error;
};

namespace detail {

template <class E>
class Carried : public E, public RemoteTrace {
 public:
  Carried(E e, std::string type, std::string trace)
      : E(std::move(e)), RemoteTrace(std::move(type), std::move(trace)) {}
};

/// An exception of a type that travels: how to recognise it, to encode it, to throw it again.
struct ExceptionCarrier {
  std::string type;
  bool (*encode_current)(Writer& to);  // false: the exception being handled is not of this type
  std::exception_ptr (*decode)(Reader& from, std::string type, std::string trace);
};
void add_carrier(ExceptionCarrier carrier);

}  // namespace detail

/// Lets exceptions of type E, which must be able to travel (Codec<E>), arrive as themselves. Call it once,
/// before brood::init or from a global's initialisation, so that all processes know.
template <class E>
void carry_exception() {
  static_assert(detail::HasCodec<E>, "brood: carry_exception<E> needs a specialisation of brood::Codec<E>");
  detail::add_carrier({std::string(detail::type_name<E>()),
                       [](Writer& to) {
                         try {
                           throw;
                         } catch (const E& e) {
                           if (typeid(e) != typeid(E)) return false;
                           to.value(e);
                           return true;
                         } catch (...) {
                           return false;
                         }
                       },
                       [](Reader& from, std::string type, std::string trace) {
                         return std::make_exception_ptr(
                             detail::Carried<E>(from.value<E>(), std::move(type), std::move(trace)));
                       }});
}

}  // namespace brood
