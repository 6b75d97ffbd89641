#pragma once
// Exceptions as texts and as bytes.

#include <brood/bytes.hpp>
#include <brood/task_errors.hpp>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"
#include "exec/origin.hpp"

namespace brood::exec {

/// Type name and text.
std::pair<std::string, std::string> describe(const std::exception_ptr& error);
/// All that is known of the exception being handled, in lines: what it is, the tasks that it comes from, the
/// stack of its throw over there, its causes. Empty unless it came out of another process.
std::string tell_origin();

/// Any exception as bytes. Of one that carries a trace out of another process that is sent on; of others, and
/// of their causes, what `stack_of` says.
using StackOf = FunctionRef<detail::Stack(const std::exception_ptr&)>;
std::vector<std::byte> encoded(const std::exception_ptr& error, StackOf stack_of);
std::vector<std::byte> encoded(const std::exception_ptr& error);
/// In place of one that could not be encoded.
void write_plain_error(Writer& to, const std::string& type, const std::string& text);

/// The exception, as itself where its type travels, else as RemoteError. Bytes that are none give a
/// DecodeError. `task`: what ended with it, where it is known.
std::exception_ptr decode_exception(Reader& from, const detail::TaskTold* task = nullptr);

/// Gives each who ends with the same failure of the pool an exception of its own: those who throw it, perhaps
/// in several threads, must not share it. One of another type than PoolBroken and PoolTerminated stays the
/// same.
class EachItsOwn {
 public:
  explicit EachItsOwn(const std::exception_ptr& error);
  std::exception_ptr operator()() const;

 private:
  std::exception_ptr error_;
  std::optional<PoolBroken> broken_;
  std::optional<PoolTerminated> terminated_;
};

}  // namespace brood::exec
