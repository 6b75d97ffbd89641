#pragma once
// The origin of an exception from another process: the stack at its throw and the task that threw it. Only
// places in code travel; the texts are made on demand, in the process that asks for them.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"

namespace brood::detail {

/// A text that is made once, on first use, and may be read by many threads.
class LateText {
 public:
  LateText() = default;
  LateText(const LateText&) = delete;
  LateText& operator=(const LateText&) = delete;
  ~LateText();
  const std::string& get(FunctionRef<std::string()> make) const;

 private:
  mutable std::atomic<const std::string*> text_{nullptr};
};

/// Places in code. A word is {module 16 | offset 48}, like a CodeRef; modules that not all processes have are
/// listed here, and numbered from own_modules upwards.
struct Stack {
  static constexpr std::uint64_t own_modules = 0x8000;
  struct Module {
    std::string key, path;
  };
  std::vector<std::uint64_t> words;
  std::vector<Module> modules;

  /// Makes a Stack of return addresses in this process.
  static Stack of(std::span<void* const> frames);
  std::string text() const;
  /// See platform::first_own_place.
  std::string first_own() const;
};

/// Describes a task for messages: its name or its function's address, its arguments, and its worker, as in
/// "PoolWorker-1 (pid 71)".
struct TaskTold {
  std::string function;
  std::uint64_t code = 0;  // CodeRef of the function; 0: there is only the name
  std::string arguments;
  std::string worker;

  std::string name() const;
  /// The call, as in "parse(std::string) called with (\"a\")".
  std::string call() const;
};

struct OriginParts {
  Stack stack;
  std::vector<TaskTold> tasks;  // the task that threw, then those that passed it on
};

class Origin {
 public:
  explicit Origin(OriginParts parts) : parts_(std::move(parts)) {}
  const OriginParts& parts() const { return parts_; }
  /// The stack, one line per frame.
  const std::string& trace() const;
  /// The tasks, one line each, without a final newline: "parse(std::string) called with (\"a\") in
  /// PoolWorker-1 (pid 71)".
  const std::string& task() const;
  /// The sentence `begun`, completed with the first stack frame in the user's own code.
  const std::string& sentence(const std::string& begun) const;

 private:
  OriginParts parts_;
  LateText trace_, task_, sentence_;
};

}  // namespace brood::detail
