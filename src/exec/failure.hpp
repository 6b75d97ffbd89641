#pragma once
// Converts exceptions to texts and to bytes.

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

/// The type name and the text of an exception.
std::pair<std::string, std::string> describe(const std::exception_ptr& error);
/// Everything known about the exception being handled, in lines: what it is, the tasks it comes from, the
/// stack at its throw in the other process, its causes. Empty unless it came from another process.
std::string tell_origin();

/// Encodes any exception. A trace that it carries from another process is passed on; for other exceptions,
/// and for causes, the stack is what `stack_of` returns.
using StackOf = FunctionRef<detail::Stack(const std::exception_ptr&)>;
std::vector<std::byte> encoded(const std::exception_ptr& error, StackOf stack_of);
std::vector<std::byte> encoded(const std::exception_ptr& error);
/// Writes a substitute for an exception that could not be encoded.
void write_plain_error(Writer& to, const std::string& type, const std::string& text);

/// Decodes an exception: as its own type if that travels, otherwise as RemoteError; invalid bytes yield a
/// DecodeError. `task`: the task that ended with it, if known.
std::exception_ptr decode_exception(Reader& from, const detail::TaskTold* task = nullptr);

/// Makes a separate exception object for each task that ends with the same failure of the pool: threads that
/// rethrow it, perhaps at once, must not share one object. Exceptions of types other than PoolBroken and
/// PoolTerminated are shared after all.
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
