#include "process/uncaught.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <span>

#include "platform/modules.hpp"
#include "platform/surroundings.hpp"
#include "platform/thrown.hpp"
#include "process/session.hpp"

namespace brood::process {
namespace {

std::terminate_handler before = nullptr;

bool is_the_librarys(std::terminate_handler handler) {
#ifdef __GLIBCXX__
  return handler == &__gnu_cxx::__verbose_terminate_handler;
#else
  return handler == nullptr;
#endif
}

std::string origin_of_current() {
  return hooks().tell_origin != nullptr ? hooks().tell_origin() : std::string();
}

// Empty if the current exception did not come out of a task.
std::string text_of_current() {
  if (!std::current_exception()) return {};
  const auto origin = origin_of_current();
  if (origin.empty()) return {};
  // If nobody catches an exception, the stack of its throw still exists.
  std::array<void*, 48> frames{};
  const auto n = platform::capture_stack(frames);
  const auto here = platform::own_places(std::span(frames).first(n), 3);
  return "brood: a task failed, and nobody caught its exception\n" + origin +
         (here.empty() ? ""
                       : "in " + session().name + " (pid " + std::to_string(platform::self_pid()) + "), at " +
                             here + "\n");
}

[[noreturn]] void tell_and_end() {
  static std::atomic<bool> begun{false};
  bool told = false;
  if (!begun.exchange(true)) {
    try {
      const auto text = text_of_current();
      platform::say(text);
      told = !text.empty();
    } catch (...) {  // no memory: the previous handler says what it can
    }
  }
  if (before != nullptr && !(told && is_the_librarys(before))) before();
  std::abort();
}

}  // namespace

std::string uncaught_text(const std::string& stack) {
  if (auto origin = origin_of_current(); !origin.empty()) return "\n" + origin;
  const auto told = platform::current_thrown();
  const auto causes = platform::causes_of(told.cause);
  return told.whole() + "\n" + (stack.empty() ? "" : "thrown at\n" + stack) +
         (causes.empty() ? "" : causes.substr(1) + "\n");
}

void tell_uncaught_exceptions() { before = std::set_terminate(&tell_and_end); }

}  // namespace brood::process
