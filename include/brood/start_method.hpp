#pragma once
/// The three ways to make a process, and what each promises.
///
/// |                             | forkserver (default)       | fork                      | spawn                                         |
/// |-----------------------------|----------------------------|---------------------------|-----------------------------------------------|
/// | the child is a copy of      | the program at brood::init | the caller at start       | nothing: the program is run anew              |
/// | it is made by               | a small server (clone)     | the caller                | a small server (exec)                         |
/// | globals in the child        | as at brood::init          | as at start               | fresh, with what main does before brood::init |
/// | what may be called          | what travels               | anything, also captures   | what travels                                  |
/// | in a program with threads   | safe                       | unsafe: locks may be held | safe                                          |
/// | cost in a small program     | 0.1 ms                     | 0.1 ms                    | 1 ms                                          |
/// | cost with 8 GiB of heap     | 0.1 ms                     | 170 ms                    | 1 ms                                          |
/// | descriptors in the child    | 0, 1, 2                    | all of the caller's       | 0, 1, 2                                       |
/// | getppid() in the child      | the caller                 | the caller                | a server of the caller                        |
/// | SIGCHLD, waitpid(-1) see it | no, until a task execs     | yes                       | no                                            |
/// | status when the server dies | is known                   | is known                  | StatusUnknown                                 |
///
/// A child made by fork has copies of the caller's objects. Queues, shared blocks and what else belongs to
/// all processes of the program may be used there; pools, futures, promises and processes are of the process
/// that made them, and throw UsageError in the child.
///
/// With each of them: stdin is /dev/null, signals are at their defaults and unblocked (those of a crash,
/// SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, have a handler that notes where it was, SIGQUIT has one that
/// tells what the process waits for, and then they do what they do by default); working directory (also one
/// that has been removed), umask, environment, resource limits, processor affinity, niceness, scheduling
/// policy, stdout and stderr are those of the caller at start (the whole table is in <brood/init.hpp>); and
/// the child and all it started is gone within 100 ms when the caller vanishes. brood keeps a few descriptors
/// of its own in each process (memory, lifeline); they are not counted here.

namespace brood {

/// How a process is made; chosen for each process, there is no global setting:
/// `brood::Process p({.method = brood::StartMethod::spawn}, report, 3);`.
enum class StartMethod {
  forkserver,  ///< the default: safe beside threads, and its cost does not grow with the program
  fork,        ///< a copy of the caller: for what cannot travel
  spawn,       ///< the program anew: nothing is inherited
};

}  // namespace brood
