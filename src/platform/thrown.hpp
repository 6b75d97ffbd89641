#pragma once
// What can be told of an exception.

#include <exception>
#include <string>

namespace brood::platform {

struct Thrown {
  std::string type;  // "std::out_of_range"
  std::string text;  // its what(); of what is no std::exception a sentence that says so, with its value
  bool is_exception = false;
  std::exception_ptr cause;  // what it was thrown with (std::throw_with_nested)

  /// "std::out_of_range: no such page", or the sentence.
  std::string whole() const { return is_exception ? type + ": " + text : text; }
};

/// Of the exception being handled.
Thrown current_thrown();
/// Of any; it is thrown and caught for that.
Thrown thrown(const std::exception_ptr& error);
/// What it was thrown with, and what that was: "\n  caused by std::runtime_error: torn" for each.
std::string causes_of(std::exception_ptr cause);

}  // namespace brood::platform
