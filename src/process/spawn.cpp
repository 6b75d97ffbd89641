#include "process/spawn.hpp"

#include <brood/codec.hpp>
#include <brood/errors.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "platform/waits.hpp"
#include "process/birth.hpp"
#include "process/registry.hpp"
#include "process/server.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"
#include "wire/modules.hpp"

namespace brood::process {
namespace {

// Holds the numbers of inherited descriptors (certificate, arena, lifeline), the limit of descriptors, and
// where to write the greeting.
constexpr const char* variable = "BROOD_BIRTH";

}  // namespace

std::string re_execute(Request& request) {
  auto& me = session();
  platform::lead_group();
  const std::byte* payload =
      request.payload_run ? arena::at(request.payload_run.offset, request.payload_size) : request.payload;
  int certificate = -1;
  try {
    auto copy =
        platform::SharedRegion::create("brood certificate", request.payload_size + sizeof(std::uint64_t));
    if (copy.reserve(0, copy.size()) != 0 || copy.open(0, copy.size()) != 0)
      return "no memory for the certificate";
    const std::uint64_t size = request.payload_size;
    std::memcpy(copy.data(), &size, sizeof size);
    std::memcpy(copy.data() + sizeof size, payload, size);
    if (request.payload_run && sum_of(copy.data() + sizeof size, size) != request.payload_sum)
      return "what it was to be told at its birth has been overwritten";
    certificate = platform::keep_over_exec(copy.descriptor());
  } catch (const Error& e) {
    return e.what();
  }
  const int memory = platform::keep_over_exec(arena::descriptor());
  const int line = platform::keep_over_exec(me.lifeline.read_descriptor());
  platform::close_descriptors_but({certificate, memory, line});
  const auto value = std::string(variable) + "=" + std::to_string(certificate) + "," +
                     std::to_string(memory) + "," + std::to_string(line) + "," +
                     std::to_string(me.descriptor_limit) + "," +
                     std::to_string(request.payload_run.offset + hello_behind(request.payload_size));
  request.born.store(static_cast<std::uint32_t>(Born::yes));
  const int error = platform::exec_self(me.arguments, value);
  return OsError("execve of /proc/self/exe", error).what();
}

bool is_unborn_copy() { return std::getenv(variable) != nullptr; }

void become_spawned_child() {
  const char* value = std::getenv(variable);
  if (value == nullptr) return;
  int certificate = -1;
  int memory = -1;
  int line = -1;
  unsigned long long limit = 0;
  unsigned long long hello = 0;
  const bool parsed =
      std::sscanf(value, "%d,%d,%d,%llu,%llu", &certificate, &memory, &line, &limit, &hello) == 5;
  unsetenv(variable);
  if (!parsed) return;

  auto& me = session();
  me.being_born = true;
  Certificate told;
  const int code = report_exceptions([&] {
    me.line_above = platform::Lifeline::inherited(line);
    if (!me.line_above.arm()) platform::exit_now(0);
    const auto copy = platform::SharedRegion::attach(platform::Descriptor(certificate));
    if (const int error = copy.open(0, copy.size())) throw OsError("mprotect for the certificate", error);
    std::uint64_t size = 0;
    std::memcpy(&size, copy.data(), sizeof size);
    told = detail::decode_all<Certificate>(copy.data() + sizeof size, size);
    wire::set_modules(wire::in_order_of(told.modules, own_modules()));
    arena::attach(memory);
    arena::object_at<Hello>(hello)->store(said_hello);
    arena::become_new_process(false);
    watch_forks();
    platform::stdin_from_null();
    reset_child_signals();
    platform::report_waits_at_quit();
    platform::line_buffered_output();
    platform::Surroundings here;
    platform::read_surroundings(here, true);
    here.limits.at(platform::descriptor_limit).first = limit;
    auto reason = told.surroundings ? platform::apply_surroundings(*told.surroundings, here)
                                    : platform::apply_own_limits(here);
    if (reason.empty() && told.folder) reason = platform::enter_folder(told.parent_pid, *told.folder);
    if (reason.empty() && told.capabilities) reason = platform::drop_capabilities_beyond(*told.capabilities);
    if (!reason.empty()) throw StartFailed(told.name + " could not begin: " + reason);
    platform::unblock_signals();
    return 0;
  });
  if (code != 0) platform::exit_now(code);
  live(told);
}

}  // namespace brood::process
