#pragma once
// Where an exception out of another process comes from: the stack of its throw and the task that threw it.
// The texts are made when somebody looks at them, in the process that looks: what travels are places in code.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/function_ref.hpp"

namespace brood::detail {

/// A text that is made once, by whoever needs it first, and may be looked at by many threads.
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

/// Places in code. A word is {module 16 | offset 48}, as a CodeRef; modules that not all processes have are
/// named here, and numbered from own_modules on.
struct Stack {
  static constexpr std::uint64_t own_modules = 0x8000;
  struct Module {
    std::string key, path;
  };
  std::vector<std::uint64_t> words;
  std::vector<Module> modules;

  /// Of return addresses in this process.
  static Stack of(std::span<void* const> frames);
  std::string text() const;
  /// See platform::first_own_place.
  std::string first_own() const;
};

/// What a task was: its name, or where its function is; its arguments; "PoolWorker-1 (pid 71)".
struct TaskTold {
  std::string function;
  std::uint64_t code = 0;  // CodeRef; 0: the name is all there is
  std::string arguments;
  std::string worker;

  std::string name() const;
  /// "parse(std::string) called with (\"a\")"
  std::string call() const;
};

struct OriginParts {
  Stack stack;
  std::vector<TaskTold> tasks;  // the one that threw first, then who waited for it and passed it on
};

class Origin {
 public:
  explicit Origin(OriginParts parts) : parts_(std::move(parts)) {}
  const OriginParts& parts() const { return parts_; }
  /// The stack, a line a frame.
  const std::string& trace() const;
  /// The tasks, a line each without the last line's end: "parse(std::string) called with (\"a\") in
  /// PoolWorker-1 (pid 71)".
  const std::string& task() const;
  /// That sentence, with the first place of the user's own code at its end.
  const std::string& sentence(const std::string& begun) const;

 private:
  OriginParts parts_;
  LateText trace_, task_, sentence_;
};

}  // namespace brood::detail
