#pragma once
// The messages between a worker and the program when a task submits tasks to its own pool. They use two kinds
// of queue in the arena: one for the requests of all workers of a pool, and one back to each worker that
// asks. A death damages nobody's queue.

#include <brood/call_options.hpp>
#include <brood/codec.hpp>
#include <brood/detail/names.hpp>
#include <brood/queue.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace brood::pool {

/// The bytes of a call or of a result, and the objects that they name.
class Carried {
 public:
  Carried() = default;
  Carried(std::vector<std::byte> value, detail::HeldNames named)
      : bytes(std::move(value)), names_(std::move(named)) {}

  std::vector<std::byte> bytes;
  const detail::Names& names() const { return names_.names(); }
  detail::HeldNames take_names() { return std::move(names_); }

 private:
  detail::HeldNames names_;
};

}  // namespace brood::pool

template <>
struct brood::Codec<brood::pool::Carried> {
  static void encode(Writer& to, const pool::Carried& carried) {
    to.value(carried.bytes);
    to.value(carried.names());
    for (const auto object : carried.names()) to.handle(object);
  }
  static pool::Carried decode(Reader& from) {
    auto bytes = from.value<std::vector<std::byte>>();
    auto names = from.value<detail::Names>();
    return {std::move(bytes), detail::HeldNames::of(std::move(names))};
  }
};

namespace brood::pool {

enum class Asks : std::uint32_t {
  task = 0,     // run this and tell me how it went
  waiting = 1,  // my task waits for a task it submitted: a substitute should run for me
  resumed = 2,  // my task no longer waits
  cancel = 3,   // cancel the task of that question
  kill = 4,     // cancel it even if it is running
};

struct Answer {
  std::uint64_t question = 0;
  bool failed = false;  // the bytes are an exception
  Carried value;
};

struct Ask {
  Asks what = Asks::task;
  std::uint32_t place = 0, incarnation = 0;  // the worker that asks
  std::uint64_t secret = 0;                  // proves that it is that worker
  std::uint64_t question = 0;
  std::uint64_t thunk = 0;  // CodeRef; the program only hands it on to another worker
  std::string function;     // for messages
  bool by_pointer = false;
  Carried call;
  std::optional<CallOptions> options;
  std::optional<Queue<Answer>> answers;  // queue for the answers; only in the worker's first request
};

}  // namespace brood::pool
