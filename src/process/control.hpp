#pragma once
// The pages through which a program asks its fork server for children. Each word has one writer, unless its
// comment says otherwise. A child unmaps the pages as soon as it has read its own data.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "arena/arena.hpp"
#include "platform/child.hpp"
#include "platform/park.hpp"

namespace brood::process {

using platform::Word;

enum class Born : std::uint32_t { no = 0, yes = 1, failed = 2 };  // failed: the reason is in the payload

struct Request {
  static constexpr std::size_t size = 4096;
  static constexpr std::uint32_t no_output = 1U << 16;
  // program:
  Word posted;  // 1 from posting until the program no longer needs the slot
  Word opened;  // relayed children: the program has a pidfd, so the server may reap
  std::uint32_t method = 0;
  std::uint32_t payload_size = 0;
  arena::Run payload_run;         // where the payload is if it does not fit here, and for spawn
  std::uint64_t payload_sum = 0;  // of a payload in that run, where others can write
  // kernel, at the clone; zeroed by the program before posting:
  Word pid;
  // server:
  Word done;    // 1: cloned, or failed with `error`
  Word error;   // an errno value; with no_output if the server could not get the program's stdout and stderr
  Word keeper;  // pid of the server that is the parent of a relayed child, else 0
  Word ended;   // relayed: 1 once how and value are stored
  std::uint32_t how = 0;
  std::int32_t value = 0;
  // child:
  Word born;
  // program, before posting; afterwards child, for the reason of a failure:
  std::byte payload[size - 72];
};
static_assert(sizeof(Request) == Request::size);

/// For spawn, behind the payload in its run: the executed program writes `said_hello` there.
using Hello = std::atomic<std::uint64_t>;
constexpr std::uint64_t said_hello = 0x6f6c6c6568;
constexpr std::size_t hello_behind(std::size_t payload) { return (payload + 7) / 8 * 8; }
inline Hello& hello_of(const Request& request) {
  return *arena::object_at<Hello>(request.payload_run.offset + hello_behind(request.payload_size));
}

/// A checksum, by which a corrupt payload is noticed.
inline std::uint64_t sum_of(const std::byte* bytes, std::size_t n) {
  std::uint64_t sum = 1469598103934665603U;  // FNV-1a, eight bytes at a time
  for (; n >= 8; bytes += 8, n -= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes, 8);
    sum = (sum ^ eight) * 1099511628211U;
    sum ^= sum >> 32;
  }
  for (; n > 0; ++bytes, --n) sum = (sum ^ static_cast<std::uint64_t>(*bytes)) * 1099511628211U;
  return sum;
}

struct Control {
  Word bell;     // anyone may add 1: the server looks at the requests
  Word server;   // pid; written by the kernel at the first server's birth, then by a standby that takes over
  Word standby;  // pid; written by the kernel, cleared by the standby before it becomes the server
  // Pids of servers and standbys that have ended and been replaced. The successor writes its predecessor's
  // pid here; the program reaps that process and clears the word.
  std::array<Word, 62> former;
  // Written by the program: counts how often it has put other files into the box of stdout and stderr. Each
  // server remembers which count it has taken. The next files go into the box once no request needs the
  // previous ones.
  Word output;
  Word retired;  // written by the program: the server ends, the standby must not take over
  std::array<Request, 256> requests;
};

}  // namespace brood::process
