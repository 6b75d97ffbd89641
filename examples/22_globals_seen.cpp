// What a child sees of the globals that its parent changed: it depends on
// when they were changed and on how the child was started.

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>

int before = 0;  // set before init
int after = 0;   // set after init

void look(std::string how, int parent) {
  const auto setter = [parent](int pid) {
    return pid == parent ? "by the parent"
           : pid == 0    ? "no"
                         : "by me, anew";
  };
  std::printf("%-13s%-18s%s\n", how.c_str(), setter(before), setter(after));
}

int main(int argc, char** argv) {
  before = getpid();
  brood::init(argc, argv);  // spawned children get here, and no further
  after = getpid();

  std::printf("%-13s%-18s%s\n", "", "set before init", "set after init");
  std::fflush(stdout);
  using enum brood::StartMethod;
  brood::Process copy_of_init({.method = forkserver}, look, "forkserver",
                              getpid());
  brood::Process copy_of_now({.method = fork}, look, "fork", getpid());
  brood::Process new_program({.method = spawn}, look, "spawn", getpid());
  for (auto* process : {&copy_of_init, &copy_of_now, &new_program}) {
    process->start();
    process->join();
  }
}
