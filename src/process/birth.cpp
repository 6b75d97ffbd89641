// The child's side: from the clone to the end of its function. No exception may leave be_born.

#include <cxxabi.h>

#include <brood/codec.hpp>
#include <brood/detail/callable.hpp>
#include <brood/errors.hpp>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "arena/arena.hpp"
#include "arena/members.hpp"
#include "base/text.hpp"
#include "platform/crash.hpp"
#include "platform/modules.hpp"
#include "process/birth.hpp"
#include "process/certificate.hpp"
#include "process/child.hpp"
#include "process/server.hpp"
#include "process/session.hpp"
#include "process/terminal.hpp"
#include "process/uncaught.hpp"

namespace brood::process {
namespace {

std::string label() { return session().name + " (pid " + std::to_string(session().pid) + ")"; }

// exit() in a task, and the end of the child's function, lead here before any exit handler that the program
// has registered: those belong to the program.
[[noreturn]] void leave(int code, void*) {
  finish();
  give_terminal_back();
  if (code < 0 || code > 255) {
    platform::say("brood: " + label() + " exited with " + std::to_string(code) +
                  ", which no exit code can hold (0 to 255); it is reported as 255\n");
    code = 255;
  }
  platform::exit_now(code);
}

int run_call(const Certificate& told) {
  const auto thunk = detail::code_as<std::remove_pointer_t<detail::Thunk>>(detail::CodeRef{told.thunk});
  Reader call(told.call.data(), told.call.size());
  thunk(call, nullptr);
  return 0;
}

}  // namespace

namespace {

// A call of pthread_exit in the first thread: the process lives as long as its other threads, and then counts
// as successful.
[[noreturn]] void outlive_threads() {
  Word never{0};
  while (!has_one_thread()) platform::park(never, 0, detail::Deadline::in(std::chrono::milliseconds(1)));
  std::exit(0);
}

// noinline: a child that throws nothing then needs no stack for it and has one page less to copy.
[[gnu::noinline]] void tell_uncaught(const platform::ThrowRecorder& recorder) {
  const auto text = "brood: " + label() + " ended by an uncaught exception: " +
                    uncaught_text(platform::describe_stack(recorder.stack_of(std::current_exception())));
  platform::flush_output();
  platform::say(text);
}

}  // namespace

// no_sanitize: the C library's forced unwinding has no exception object to refer to.
__attribute__((no_sanitize("null"))) int report_exceptions(FunctionRef<int()> f) {
  const platform::ThrowRecorder recorder;
  try {
    return f();
  } catch (const abi::__forced_unwind&) {  // forced unwinding may end only with the thread
    outlive_threads();
  } catch (...) {
    tell_uncaught(recorder);
    return 1;
  }
}

void enter_life(const Certificate& told) {
  become(told);
  platform::note_crashes_for_parent();
  platform::on_exit_first(&leave);
  platform::set_process_name(told.name);
  if (told.errors >= 0) platform::stderr_into(told.parent_pid, told.errors);
  session().being_born = false;
  if (told.nests) server_link().create();
}

void live(const Certificate& told) {
  const int code = report_exceptions([&] {
    enter_life(told);
    return run_call(told);
  });
  std::exit(code);
}

namespace {

// A large certificate is in the arena, where every process of the program can write.
Certificate read_certificate(const Request& request) {
  if (!request.payload_run) return detail::decode_all<Certificate>(request.payload, request.payload_size);
  const std::byte* there = arena::at(request.payload_run.offset, request.payload_size);
  const std::vector<std::byte> copy(there, there + request.payload_size);
  if (sum_of(copy.data(), copy.size()) != request.payload_sum) {
    throw DecodeError("what it was to be told at its birth has been overwritten");
  }
  return detail::decode_all<Certificate>(copy.data(), copy.size());
}

}  // namespace

void note_failure(Request& request, const std::string& reason) {
  const auto text = shortened(reason, sizeof request.payload - 1);
  std::memcpy(request.payload, text.c_str(), text.size() + 1);
  request.born.store(static_cast<std::uint32_t>(Born::failed));
}

void be_born(Control& control, Request& request) {
  auto& me = session();
  platform::lead_group();
  if (!me.lifeline.arm()) platform::exit_now(0);
  me.line_above = std::move(me.lifeline);
  platform::stop_counting_child_ends();
  Certificate told;
  std::string reason;
  try {
    told = read_certificate(request);
    if (told.surroundings)
      reason = platform::apply_surroundings(*told.surroundings, server_link().snapshot());
    else
      reason = platform::apply_own_limits(server_link().snapshot());
    if (reason.empty() && told.folder) reason = platform::enter_folder(told.parent_pid, *told.folder);
  } catch (const std::exception& e) {
    reason = e.what();
  }
  if (!reason.empty()) {
    note_failure(request, reason);
    platform::exit_now(127);
  }
  // release: the child has read its request before the program sees this and gives the slot back.
  request.born.store(static_cast<std::uint32_t>(Born::yes), std::memory_order_release);
  static_cast<void>(control);
  server_link().forget();  // from here on this process cannot touch the program's requests
  arena::become_new_process(false);
  platform::unblock_signals();
  live(told);
}

}  // namespace brood::process
