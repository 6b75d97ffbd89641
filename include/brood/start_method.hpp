#pragma once
/// The three ways to make a process, and the properties of each.
///
/// |                             | forkserver (default)       | fork                      | spawn                                         |
/// |-----------------------------|----------------------------|---------------------------|-----------------------------------------------|
/// | the child is a copy of      | the program at brood::init | the caller at start       | nothing: the program is executed afresh       |
/// | made by                     | a small server (clone)     | the caller                | a small server (exec)                         |
/// | globals in the child        | as at brood::init          | as at start               | fresh, with what main does before brood::init |
/// | what may be called          | what travels               | anything, also captures   | what travels                                  |
/// | in a program with threads   | safe                       | unsafe: locks may be held | safe                                          |
/// | cost in a small program     | 0.1 ms                     | 0.1 ms                    | 1 ms                                          |
/// | cost with 8 GiB of heap     | 0.1 ms                     | 170 ms                    | 1 ms                                          |
/// | descriptors in the child    | 0, 1, 2                    | all of the caller's       | 0, 1, 2                                       |
/// | getppid() in the child      | the caller                 | the caller                | a server of the caller                        |
/// | SIGCHLD, waitpid(-1) see it | no, until a task execs     | yes                       | no                                            |
/// | status when the server dies | known                      | known                     | StatusUnknown                                 |
///
/// A child made by fork has copies of the caller's objects. It may use queues, shared blocks and everything
/// else that belongs to all processes of the program. Pools, futures, promises and processes belong to the
/// process that made them; they throw UsageError in the child.
///
/// Under every method, stdin is /dev/null. Signals are unblocked and have their default action. The
/// exceptions are the crash signals (SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT), whose handler notes where
/// the crash was, and SIGQUIT, whose handler reports what the process waits for; the default action follows.
///
/// The working directory (even a removed one), umask, environment, resource limits, processor affinity,
/// niceness, scheduling policy, stdout and stderr are the caller's at start; <brood/init.hpp> has the whole
/// table. The child and everything it has started is gone within 100 ms after the caller vanishes. brood
/// keeps a few descriptors of its own in each process (memory, lifeline); they are not counted here.

namespace brood {

/// How to make a process. Chosen for each process; there is no global setting: `brood::Process p({.method =
/// brood::StartMethod::spawn}, report, 3);`.
enum class StartMethod {
  forkserver,  ///< the default: safe with threads; its cost does not grow with the program
  fork,        ///< a copy of the caller, for a call that cannot travel
  spawn,       ///< the program executed afresh; nothing is inherited
};

}  // namespace brood
