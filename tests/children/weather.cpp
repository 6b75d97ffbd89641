// Pools and queues in bad weather: weather WHAT ... Prints lines that say how it went.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "program_support.hpp"

namespace {

int twice(int n) { return 2 * n; }

int open_descriptors() {
  int n = 0;
  for (int fd = 0; fd < 64; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

// At most 64 descriptors: how many does a pool of that size take?
int few_descriptors(int workers) {
  const int before = open_descriptors();
  try {
    brood::Pool pool(workers);
    int sum = 0;
    for (const int n : pool.map(twice, std::vector<int>(100, 1))) sum += n;
    // Every worker has been asked for its number: each is up.
    std::vector<brood::Future<int>> all;
    for (int i = 0; i < 20 * workers; ++i)
      all.push_back(pool.apply_async([] { return brood::this_worker::index(); }));
    for (auto& one : all) one.get();
    say("sum %d, each worker takes %d\n", sum, (open_descriptors() - before) / workers);
  } catch (const brood::Error& e) {
    say("%s\n", e.what());
  }
  brood::Pool small(2);
  say("then %d, left %d\n", small.apply(twice, 4), open_descriptors() - before > 10 ? 1 : 0);
  return 0;
}

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const brood::NoMemory& e) {
    return "NoMemory";
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing";
}

int small_arena() {
  brood::Pool pool(2);
  const std::string large(std::size_t{80} << 20, 'x');
  say("argument: %s\n",
      error_of([&] { pool.apply([](const std::string& s) { return s.size(); }, large); }).c_str());
  say("result: %s\n",
      error_of([&] { pool.apply([] { return std::string(std::size_t{80} << 20, 'x'); }); }).c_str());
  brood::Queue<std::string> queue;
  say("queue: %s\n", error_of([&] { queue.put(large); }).c_str());
  say("then %d\n", pool.apply(twice, 4));
  return 0;
}

int ignores_child_signals() {
  std::signal(SIGCHLD, SIG_IGN);
  brood::Pool pool(2);
  for (int i = 0; i < 3; ++i) {
    try {
      pool.apply([] { std::raise(SIGKILL); });
    } catch (const brood::WorkerDied& e) {
      say("signal %d\n", e.signal());
    }
  }
  say("then %d\n", pool.apply(twice, 4));
  return 0;
}

// Under a /dev/shm of 64 MB: 200 MiB in a queue, and more through a pool.
int small_shared_memory() {
  brood::Queue<std::string> queue;
  brood::Process writer(
      [](brood::Queue<std::string> q) {
        for (int i = 0; i < 200; ++i) q.put(std::string(1 << 20, 'x'));
      },
      queue);
  writer.start();
  writer.join();
  std::size_t bytes = 0;
  for (int i = 0; i < 200; ++i) bytes += queue.get().size();
  brood::Pool pool(2);
  for (const auto& one : pool.map([](int n) { return std::string(static_cast<std::size_t>(n) << 20, 'y'); },
                                  std::vector<int>(8, 20))) {
    bytes += one.size();
  }
  say("%zu MiB\n", bytes >> 20);
  return 0;
}

// The user may have 16 processes and threads: what there is goes on, the rest is told why not.
int few_processes() {
  brood::Pool pool(1);
  pool.apply(twice, 1);
  std::vector<brood::Process> sleepers;
  const auto why = error_of([&] {
    for (int i = 0; i < 40; ++i) {
      sleepers.emplace_back(brood::ProcessOptions{.daemon = true}, [] { pause(); });
      sleepers.back().start();
      static_cast<void>(sleepers.back().pid());
      sleepers.back().join(std::chrono::milliseconds(1));
    }
  });
  const auto told = [](const std::string& what) {
    return what.find("Resource temporarily unavailable") != std::string::npos ? "told" : what;
  };
  say("processes: %s\n", told(why).c_str());
  say("a pool: %s\n", told(error_of([] { brood::Pool(30).apply(twice, 4); })).c_str());
  say("still %d\n", pool.apply(twice, 4));
  const std::vector<int> items{1, 2, 3};
  say("a map: %s\n", told(error_of([&] { pool.map_async(twice, items).get(); })).c_str());
  for (auto& each : sleepers) {
    try {
      each.kill();
      each.join();
    } catch (const brood::Error&) {  // the one that could not be made
    }
  }
  say("a death: %s\n", error_of([&] { pool.apply([] { std::raise(SIGKILL); }); }) == "nothing" ? "" : "told");
  say("later %d\n", pool.apply(twice, 5) + pool.map_async(twice, items).get()[2]);
  return 0;
}

int few_addresses() {
  brood::Pool pool(4);
  int sum = 0;
  for (const int n : pool.map(twice, std::vector<int>(100, 1))) sum += n;
  brood::Queue<std::string> queue;
  const auto large = error_of([&] { queue.put(std::string(std::size_t{900} << 20, 'x')); });
  for (int i = 0; i < 100; ++i) queue.put(std::string(10'000, 'y'));
  std::size_t bytes = 0;
  for (int i = 0; i < 100; ++i) bytes += queue.get().size();
  say("sum %d, %zu bytes, large: %s\n", sum, bytes, large == "nothing" ? "passed" : "refused");
  return 0;
}

// In a group of processes that may use 64 MiB: what is shared is refused in time, nobody is killed.
int little_memory() {
  brood::Pool pool(2);
  brood::Queue<std::string> queue;
  const std::string value(1 << 20, 'x');
  int put = 0;
  const auto full = error_of([&] {
    for (; put < 200; ++put) queue.put(value);
  });
  int got = 0;
  while (queue.try_get()) ++got;
  say("%s after %s, %s back, then %d\n", full.c_str(),
      put > 10 && put < 64 ? "some" : std::to_string(put).c_str(), got == put ? "all" : "not all",
      pool.apply(twice, 4));
  return 0;
}

// The group of this process's own, below the one it is in; empty where none can be made.
std::string make_memory_group() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto path = line.substr(line.rfind(':') + 1) + "/brood-test-" + std::to_string(getpid());
    const bool v1 = line.find(":memory:") != std::string::npos;
    if (!v1 && !line.starts_with("0::")) continue;
    const std::string folder = std::string("/sys/fs/cgroup") + (v1 ? "/memory" : "") + path;
    if (mkdir(folder.c_str(), 0755) != 0) continue;
    std::ofstream(folder + (v1 ? "/memory.limit_in_bytes" : "/memory.max")) << (64 << 20);
    std::ofstream procs(folder + "/cgroup.procs");
    procs << getpid() << std::flush;
    std::uint64_t limit = 0;
    std::ifstream(folder + (v1 ? "/memory.limit_in_bytes" : "/memory.max")) >> limit;
    if (procs && limit == 64 << 20) return folder;
    rmdir(folder.c_str());
  }
  return {};
}

// Runs it in a child; then the group is empty and can go.
int in_memory_group(int argc, char** argv) {
  int told[2];
  if (pipe(told) != 0) return 1;
  const pid_t child = fork();
  if (child == 0) {
    close(told[0]);
    const auto folder = make_memory_group();
    static_cast<void>(!write(told[1], folder.c_str(), folder.size() + 1));
    close(told[1]);
    if (folder.empty()) _exit(77);
    brood::init(argc, argv);
    std::exit(little_memory());
  }
  close(told[1]);
  char folder[4096] = "";
  static_cast<void>(!read(told[0], folder, sizeof folder - 1));
  int status = 0;
  waitpid(child, &status, 0);
  for (int i = 0; i < 500 && folder[0] != 0 && rmdir(folder) != 0; ++i) usleep(10'000);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argv[1];
  if (what == "descriptors") {
    const rlimit limit{64, 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    brood::init(argc, argv);
    return few_descriptors(std::atoi(argv[2]));
  }
  if (what == "small-shm" && (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0))
    return 77;
  if (what == "small-shm" && (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                              mount("none", "/dev/shm", "tmpfs", 0, "size=64m") != 0)) {
    return 77;
  }
  if (what == "small-arena") {
    brood::init(argc, argv, {.arena_bytes = std::uint64_t{64} << 20});
    return small_arena();
  }
  if (what == "memory-group") return in_memory_group(argc, argv);
  // Root may make as many processes as it likes, and others have some already.
  if (what == "processes") {
    const rlimit limit{16, 16};
    if (geteuid() != 0 || setgid(61'234) != 0 || setuid(61'234) != 0) return 77;
    setrlimit(RLIMIT_NPROC, &limit);
  }
  if (what == "addresses") {
    const rlimit limit{std::uint64_t{2} << 30, std::uint64_t{2} << 30};
    setrlimit(RLIMIT_AS, &limit);
  }
  brood::init(argc, argv);
  if (what == "processes") return few_processes();
  if (what == "addresses") return few_addresses();
  if (what == "small-shm") return small_shared_memory();
  if (what == "ignores-sigchld") return ignores_child_signals();
  return 2;
}
