#pragma once
// The text of the exception that a call is to throw.

#include <gtest/gtest.h>

#include <exception>
#include <string>

namespace what_it_threw {

/// Fails the test when f throws something else, or nothing.
template <class E, class F>
std::string text_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another exception: " << e.what();
    return {};
  }
  ADD_FAILURE() << "no exception";
  return {};
}

}  // namespace what_it_threw
