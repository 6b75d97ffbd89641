#pragma once
// Descriptions of exceptions.

#include <exception>
#include <string>

namespace brood::platform {

struct Thrown {
  std::string type;  // "std::out_of_range"
  std::string text;  // its what(); for other types a sentence that says so, with the value
  bool is_exception = false;
  std::exception_ptr cause;  // the nested exception (std::throw_with_nested)

  /// "std::out_of_range: no such page", or the sentence.
  std::string whole() const { return is_exception ? type + ": " + text : text; }
};

/// Describes the exception being handled.
Thrown current_thrown();
/// Describes any exception, by throwing and catching it.
Thrown thrown(const std::exception_ptr& error);
/// The chain of nested exceptions: "\n  caused by std::runtime_error: torn" for each.
std::string causes_of(std::exception_ptr cause);

}  // namespace brood::platform
