// Ways to set brood up, and its surroundings: setup WHAT ... Prints one line that says how it went.

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "program_support.hpp"

namespace {

int global = 1;

void end_with(int code) { std::exit(code); }

int exit_code_of_child(brood::StartMethod method = brood::StartMethod::forkserver) {
  brood::Process child({.method = method}, end_with, 5);
  child.start();
  child.join();
  return child.exitcode().value();
}

template <class F>
int told(F f) {
  try {
    f();
  } catch (const brood::UsageError& e) {
    say("UsageError: %s\n", e.what());
  } catch (const brood::NoMemory& e) {
    say("NoMemory: %s\n", e.what());
  } catch (const brood::StartFailed& e) {
    say("StartFailed: %s\n", e.what());
  } catch (const brood::Error& e) {
    say("Error: %s\n", e.what());
  }
  return 0;
}

void count_descriptors(std::string file) {
  std::ofstream out(file);
  for (int fd = 0; fd < 100; ++fd) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    std::error_code error;
    out << std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), error).string() << ";";
  }
}

// What 0, 1 and 2 are.
std::string standard_descriptors() {
  std::string text;
  for (const char* fd : {"0", "1", "2"}) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(std::string("/proc/self/fd/") + fd, error);
    text += "|" + (error ? "closed" : target.string());
  }
  return text;
}

void set_limit(int which, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  if (setrlimit(static_cast<__rlimit_resource>(which), &limit) != 0) std::perror("setrlimit");
}

// A mount namespace of its own; false where that is not allowed.
bool own_mounts() {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto method = method_of(argc > 2 ? argv[2] : "");

  if (what == "/bin/true" || what == "leaves-early") {
    // A spawned copy that does not come to init; or one whose loader may take another for it.
    if (what == "leaves-early" && std::getenv("BROOD_BIRTH") != nullptr) return 3;
    brood::init(argc, argv);
    return told([&] { say("ended with %d\n", exit_code_of_child(method)); });
  }
  if (what == "no-init") {
    return told([&] { say("ended with %d\n", exit_code_of_child(method)); });
  }
  if (what == "init-with-thread") {
    std::atomic<bool> stop{false};
    std::thread other([&] {
      while (!stop) std::this_thread::yield();
    });
    if (argc > 2) pthread_setname_np(other.native_handle(), argv[2]);
    told([&] {
      brood::init(argc, argv);
      say("made\n");
    });
    stop = true;
    other.join();
    // Once it is gone, it works.
    brood::init(argc, argv);
    say("ended with %d\n", exit_code_of_child());
    return 0;
  }
  if (what == "address-space") {
    set_limit(RLIMIT_AS, rlim_t{4} << 30, rlim_t{4} << 30);
    return told([&] {
      brood::init(argc, argv);
      say("ended with %d\n", exit_code_of_child(method));
    });
  }
  if (what == "file-size") {
    set_limit(RLIMIT_FSIZE, rlim_t{100} << 20, rlim_t{100} << 20);
    return told([&] {
      brood::init(argc, argv);
      brood::Pool pool(2);
      say("ended with %d\n", pool.apply([](int n) { return n; }, exit_code_of_child(method)));
    });
  }
  if (what == "descriptors") {
    // Before init, as the shell would: spawned copies have it already.
    if (argc > 3) set_limit(RLIMIT_NOFILE, std::strtoul(argv[3], nullptr, 10), 64);
    return told([&] {
      brood::init(argc, argv);
      std::vector<brood::Process> all;
      for (int i = 0; i < 20; ++i) {
        all.emplace_back(brood::ProcessOptions{.method = method}, [] {
          rlimit limit{};
          getrlimit(RLIMIT_NOFILE, &limit);
          std::exit(static_cast<int>(limit.rlim_cur));
        });
        all.back().start();
      }
      for (auto& one : all) one.join();
      int code = all[0].exitcode().value();
      for (auto& one : all) code = one.exitcode() == code ? code : -1;
      say("ended with %d\n", code);
    });
  }
  if (what == "options") {  // argv[2]: arena_bytes, argv[3]: members
    return told([&] {
      brood::init(argc, argv,
                  {.arena_bytes = std::strtoull(argv[2], nullptr, 10),
                   .members = static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10))});
      brood::Queue<std::string> queue;
      queue.put("made");
      brood::Pool pool(2);
      say("%s %d\n", queue.get().c_str(), pool.map([](int n) { return n; }, std::vector<int>(1000, 7))[999]);
    });
  }
  if (what == "few-members") {
    brood::init(argc, argv, {.members = 8});
    return told([&] {
      brood::Pool pool(20);
      // What each worker returns it can only send once it shares memory.
      auto large = [](int n) {
        usleep(100'000);
        return std::string(1000, 'x') + std::to_string(n);
      };
      say("%zu\n", pool.map({.chunksize = 1}, large, std::vector<int>(20, 5)).size());
    });
  }
  if (what == "small-arena") {
    brood::init(argc, argv, {.arena_bytes = std::uint64_t{64} << 20});
    const std::string large(std::size_t{20} << 20, 'x');
    for (int i = 0; i < 12; ++i) {
      brood::Process child(
          {.method = method}, [](const std::string& s) { std::exit(s.size() >> 20); }, large);
      child.start();
      child.join();
      if (child.exitcode() != 20) return 1;
    }
    told([&] {
      brood::Process child(
          {.method = method}, [](const std::string&) {}, std::string(std::size_t{80} << 20, 'x'));
      child.start();
      child.join();
      say("started\n");
    });
    say("ended with %d\n", exit_code_of_child(method));
    return 0;
  }
  if (what == "huge-arena") {
    set_limit(RLIMIT_AS, rlim_t{4} << 30, rlim_t{4} << 30);
    return told([&] { brood::init(argc, argv, {.arena_bytes = std::uint64_t{1} << 40}); });
  }
  if (what == "no-shm" || what == "no-proc") {
    const char* folder = what == "no-shm" ? "/dev/shm" : "/proc";
    // A spawned copy is in that namespace already.
    if (std::getenv("BROOD_BIRTH") == nullptr &&
        (!own_mounts() || mount("none", folder, "tmpfs", MS_RDONLY, "size=4k") != 0)) {
      say("not allowed\n");
      return 0;
    }
    return told([&] {
      brood::init(argc, argv);
      say("ended with %d\n", exit_code_of_child(method));
    });
  }
  if (what == "closed") {
    // argv[3]: which of 0, 1, 2 are closed before init; the rest of the story goes to a file.
    const std::string file = argv[4];
    for (const char* fd = argv[3]; *fd != 0; ++fd) close(*fd - '0');
    brood::init(argc, argv);
    brood::Process child(
        {.method = method},
        [](std::string to) {
          const std::string seen = standard_descriptors();
          std::ofstream(to) << "child" << seen << "\n";
          std::puts("printed");
          std::fflush(stdout);
          close(1);
          close(2);
        },
        file);
    child.start();
    child.join();
    const std::string seen = standard_descriptors();
    std::ofstream(file, std::ios::app) << "program" << seen << "\n"
                                       << "ended with " << child.exitcode().value() << "\n";
    return 0;
  }
  if (what == "opened-before") {
    // Neither is close-on-exec. A spawned copy, which passes here too, opens none.
    if (std::getenv("BROOD_BIRTH") == nullptr) {
      static_cast<void>(!socket(AF_UNIX, SOCK_STREAM, 0));
      static_cast<void>(!open("/etc/passwd", O_RDONLY));
    }
    brood::init(argc, argv);
    brood::Process child({.method = method}, count_descriptors, argv[3]);
    child.start();
    child.join();
    return child.exitcode().value();
  }
  if (what == "deleted") {
    brood::init(argc, argv);
    std::filesystem::remove(argv[3]);
    return told([&] { say("ended with %d\n", exit_code_of_child(method)); });
  }
  if (what == "renew") {
    brood::init(argc, argv);
    global = 20;
    const auto seen = [&] {
      brood::Process child({.method = method}, [] { std::exit(global); });
      child.start();
      child.join();
      return child.exitcode().value();
    };
    const int before = seen();
    brood::Process running(
        {.method = method},
        [](std::string fifo) {
          wait_at(fifo);
          std::exit(9);
        },
        argv[3]);
    running.start();
    brood::renew_server();
    const int after = seen();
    std::ofstream(argv[3]) << "x" << std::flush;
    running.join();
    int old = -1000;
    told([&] { old = running.exitcode().value(); });
    say("before %d after %d running %d\n", before, after, old);
    return 0;
  }
  if (what == "credentials") {
    brood::init(argc, argv);
    if (setegid(getegid() + 1) != 0) {
      say("not allowed\n");
      return 0;
    }
    return told([&] { say("ended with %d\n", exit_code_of_child(method)); });
  }
  if (what == "exit-code") {
    brood::init(argc, argv);
    brood::Process child({.name = "large", .method = method}, [] { std::exit(300); });
    child.start();
    child.join();
    return child.exitcode().value();
  }
  if (what == "daemonised") {
    brood::init(argc, argv);
    if (daemon(1, 1) != 0) return 1;
    return told([&] { say("ended with %d\n", exit_code_of_child(method)); });
  }
  return 2;
}
