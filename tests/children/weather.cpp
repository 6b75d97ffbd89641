// Pools and queues in bad weather: weather WHAT ... Prints lines that say how it went.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

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
  brood::init(argc, argv);
  if (what == "small-shm") return small_shared_memory();
  if (what == "ignores-sigchld") return ignores_child_signals();
  return 2;
}
