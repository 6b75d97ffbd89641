#pragma once
// The pages through which a program asks its fork server for children. One writer for each word, but where it
// says so. Children unmap them as soon as they have read what is theirs.

#include <array>
#include <cstddef>
#include <cstdint>

#include "arena/arena.hpp"
#include "platform/child.hpp"
#include "platform/park.hpp"

namespace brood::process {

using platform::Word;

enum class Born : std::uint32_t { no = 0, yes = 1, failed = 2 };  // failed: the reason is in the payload

struct Request {
  static constexpr std::size_t size = 4096;
  // program:
  Word posted;  // 1 from posting until the program has no more use for the slot
  Word opened;  // relayed children: the program has a pidfd, so the server may reap
  std::uint32_t method = 0;
  std::uint32_t payload_size = 0;
  arena::Run payload_run;  // where the payload is when it does not fit here
  // kernel, at the clone; zeroed by the program before posting:
  Word pid;
  // server:
  Word done;  // 1: cloned, or failed with `error`
  Word error;
  Word keeper;  // pid of the server whose own child it is (relayed), else 0
  Word ended;   // relayed: 1 when how and value are stored
  std::uint32_t how = 0;
  std::int32_t value = 0;
  // child:
  Word born;
  // program, before posting; afterwards the child, for the reason of a failure:
  std::byte payload[size - 64];
};
static_assert(sizeof(Request) == Request::size);

struct Control {
  Word bell;     // anyone may add 1: the server looks at the requests
  Word server;   // pid; kernel at the birth of the first, then a standby that takes over
  Word standby;  // pid; kernel, cleared by the standby before it becomes the server
  // Pids of servers and standbys that have ended and been followed; whoever follows one notes it, the program
  // reaps it.
  std::array<Word, 62> former;
  Word retired;  // program: the standby must not take over
  std::array<Request, 256> requests;
};

}  // namespace brood::process
