// stdout and stderr that the program has redirected after init are its children's too: the same open files.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <thread>

#include "child_support.hpp"
#include "places.hpp"

namespace output_of_children {

using namespace child_support;
using namespace places;

class Output : public testing::TestWithParam<Place> {};
BROOD_EACH_PLACE(Output);

/// Until it goes, the number is another file's. (GoogleTest prints on stdout: nothing is expected meanwhile.)
class Redirected {
 public:
  Redirected(int number, int file) : number_(number), before_(fcntl(number, F_DUPFD_CLOEXEC, 3)) {
    std::fflush(stdout);
    if (file >= 0)
      dup2(file, number);
    else
      close(number);
  }
  ~Redirected() {
    dup2(before_, number_);
    close(before_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int number_, before_;
};

int open_new(const std::string& path) {
  return open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
}

void write_to(int number, const std::string& text) {
  static_cast<void>(!write(number, text.data(), text.size()));
}

std::string say_on_stdout() {
  std::printf("child\n");
  std::fflush(stdout);
  return "said";
}
std::string say_on_stderr() {
  std::fputs("child\n", stderr);
  return "said";
}

// Each writes where the other has ended: the offset is shared, without O_APPEND.
template <auto say>
std::string file_of_both(Place place, int number) {
  const Folder folder;
  const int file = open_new(folder / "file");
  {
    const Redirected there(number, file);
    write_to(number, "program\n");
    seen_in<say>(place);
    write_to(number, "program\n");
  }
  close(file);
  return text_of(folder / "file");
}

TEST_P(Output, goes_into_the_file_that_is_the_programs_stdout) {
  EXPECT_EQ(file_of_both<say_on_stdout>(GetParam(), 1), "program\nchild\nprogram\n");
}
TEST_P(Output, goes_into_the_file_that_is_the_programs_stderr) {
  EXPECT_EQ(file_of_both<say_on_stderr>(GetParam(), 2), "program\nchild\nprogram\n");
}

TEST_P(Output, goes_back_with_the_programs) {
  const Folder folder;
  const int outer = open_new(folder / "outer"), inner = open_new(folder / "inner");
  {
    const Redirected there(1, outer);
    {
      const Redirected within(1, inner);
      seen_in<say_on_stdout>(GetParam());
    }
    seen_in<say_on_stdout>(GetParam());
  }
  close(outer);
  close(inner);
  EXPECT_EQ(text_of(folder / "inner"), "child\n");
  EXPECT_EQ(text_of(folder / "outer"), "child\n");
}

// The same file by another open has an offset of its own.
TEST_P(Output, goes_where_the_program_is_in_a_file_that_it_has_opened_again) {
  const Folder folder;
  const int first = open_new(folder / "file");
  {
    const Redirected there(1, first);
    write_to(1, "this is cut off\n");
    seen_in<say_on_stdout>(GetParam());
    const int again = open_new(folder / "file");
    dup2(again, 1);
    close(again);
    write_to(1, "program\n");
    seen_in<say_on_stdout>(GetParam());
  }
  close(first);
  EXPECT_EQ(text_of(folder / "file"), "program\nchild\n");
}

template <int type>
std::string received_over_socket(Place place) {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
  {
    const Redirected there(1, ends[1]);
    seen_in<say_on_stdout>(place);
  }
  char text[64]{};
  const auto n = recv(ends[0], text, sizeof text, MSG_DONTWAIT);
  close(ends[0]);
  close(ends[1]);
  return {text, n > 0 ? static_cast<std::size_t>(n) : 0};
}
TEST_P(Output, goes_into_a_socket) {
  EXPECT_EQ(received_over_socket<SOCK_STREAM>(GetParam()), "child\n");
  EXPECT_EQ(received_over_socket<SOCK_SEQPACKET>(GetParam()), "child\n");
}

// With the first start after it nobody of brood's has it open.
TEST_P(Output, pipe_comes_to_its_end_when_nobody_is_redirected_there_any_more) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  {
    const Redirected there(1, ends[1]);
    seen_in<say_on_stdout>(GetParam());
  }
  close(ends[1]);
  seen_in<[] { return std::string(); }>(GetParam());
  seen_in<[] { return std::string(); }>(Place::forkserver);  // a forked child needs no server
  std::string all;
  char text[64];
  for (pollfd p{ends[0], POLLIN, 0}; poll(&p, 1, patience_ms) == 1;) {
    const auto n = read(ends[0], text, sizeof text);
    if (n <= 0) {
      all += "end";
      break;
    }
    all.append(text, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  EXPECT_EQ(all, "child\nend");
}

std::string which_are_closed() {
  return std::string(fcntl(1, F_GETFD) < 0 ? "1 " : "") + (fcntl(2, F_GETFD) < 0 ? "2" : "");
}

TEST_P(Output, closed_one_is_closed_in_children) {
  std::string first, second;
  {
    const Redirected closed(1, -1);
    first = seen_in<which_are_closed>(GetParam());
  }
  {
    const Redirected closed(1, -1), too(2, -1);
    second = seen_in<which_are_closed>(GetParam());
  }
  EXPECT_EQ(first, "1 ");
  // What a worker says on stderr goes to the program in any case, with the task that fails.
  EXPECT_EQ(second, GetParam() >= Place::first_worker ? "1 " : "1 2");
  EXPECT_EQ(seen_in<which_are_closed>(GetParam()), "");
}

void say_number(int i) { write_to(1, std::to_string(i)); }

TEST(OutputOfMany, is_that_of_the_time_of_each_start) {
  const Folder folder;
  constexpr int many = 40;
  std::vector<brood::Process> all;
  for (int i = 0; i < many; ++i) {
    const int file = open_new(folder / std::to_string(i));
    const Redirected there(1, file);
    close(file);
    all.emplace_back(brood::ProcessOptions{.method = i % 3 == 0 ? brood::StartMethod::spawn
                                                                : brood::StartMethod::forkserver},
                     say_number, i);
    all.back().start();
  }
  for (auto& one : all) one.join();
  for (int i = 0; i < many; ++i) EXPECT_EQ(text_of(folder / std::to_string(i)), std::to_string(i));
}

// The fork server of this process and its standby, the oldest first.
std::vector<pid_t> servers() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const auto stat = pid > 0 ? text_of(entry.path() / "stat") : std::string();
    char state = 0;
    int parent = 0;
    const auto close = stat.rfind(')');
    if (close == std::string::npos || std::sscanf(stat.c_str() + close + 1, " %c %d", &state, &parent) != 2)
      continue;
    if (parent == getpid() && state != 'Z' && stat.find("(brood-server)") != std::string::npos)
      found.push_back(pid);
  }
  std::sort(found.begin(), found.end());
  return found;
}
bool two_servers() {
  for (int i = 0; i < patience_ms && servers().size() != 2; ++i) usleep(1000);
  return servers().size() == 2;
}

// Whoever takes over finds what the one before had, whether that had looked already or not.
TEST(OutputOfAServerThatIsKilled, is_that_of_the_next) {
  const Folder folder;
  const auto file_for = [&](int i) { return folder / std::to_string(i); };
  const auto start_in = [&](int i, auto&& before_the_answer) {
    const int file = open_new(file_for(i));
    const Redirected there(1, file);
    close(file);
    brood::Process one(say_number, i);
    before_the_answer(one);
    one.join();
    one = brood::Process(say_number, i);  // and what is told no more
    one.start();
    one.join();
  };
  const auto plain = [](brood::Process& one) { one.start(); };
  const auto killed = [](brood::Process& one) {
    const auto server = servers().at(0);
    kill(server, SIGSTOP);
    one.start();
    kill(server, SIGKILL);
  };
  for (int i = 0; i < 6; i += 2) {
    ASSERT_TRUE(two_servers());
    start_in(i, plain);
    const auto server = servers().at(0);
    kill(server, SIGKILL);
    EXPECT_TRUE(gone(server));
    ASSERT_TRUE(two_servers());
    start_in(i + 1, killed);
  }
  for (int i = 0; i < 6; ++i) EXPECT_EQ(text_of(file_for(i)), std::to_string(i) + std::to_string(i));
  ASSERT_TRUE(two_servers());
}

TEST(OutputBox, is_not_the_childrens) {
  const Folder folder;
  const int file = open_new(folder / "file");
  std::string seen;
  {
    const Redirected there(1, file);
    seen = seen_in<[] {
      std::string sockets;
      for (int i = 3; i < 100; ++i) {
        struct stat status {};
        if (fstat(i, &status) == 0 && S_ISSOCK(status.st_mode)) sockets += std::to_string(i) + " ";
      }
      return sockets;
    }>(Place::forkserver);
  }
  close(file);
  EXPECT_EQ(seen, "");
}

}  // namespace output_of_children
