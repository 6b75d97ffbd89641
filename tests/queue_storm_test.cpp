// Queue: writers and readers killed at random moments and replaced, for some seconds.

#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <map>
#include <random>

#include "child_support.hpp"
#include "nothing_left.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Message {
  int writer = 0;
  int number = 0;
  std::vector<std::uint32_t> padding;
  std::uint64_t sum = 0;

  std::uint64_t right_sum() const {
    std::uint64_t s = static_cast<std::uint64_t>(writer) * 1'000'003 + static_cast<std::uint64_t>(number);
    for (const auto p : padding) s = s * 31 + p;
    return s;
  }
};

struct Got {
  int reader = 0;
  int writer = 0;
  int number = 0;
  bool whole = false;
};

// Tells after each put how far it has come, in its own file, which its death does not undo.
void write_for_ever(brood::Queue<Message> queue, int me, std::string journal) {
  const int fd = open(journal.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  std::mt19937 random(static_cast<unsigned>(me));
  for (int i = 0;; ++i) {
    Message m{me, i, {}, 0};
    m.padding.resize(random() % 50 == 0 ? random() % 20'000 : random() % 30);
    for (auto& p : m.padding) p = static_cast<std::uint32_t>(random());
    m.sum = m.right_sum();
    queue.put(m);
    const int puts = i + 1;
    if (pwrite(fd, &puts, sizeof puts, 0) != sizeof puts) _exit(9);
  }
}

// A number told twice from one reader could only be a value given twice.
void read_for_ever(brood::Queue<Message> queue, int me, std::string journal) {
  const int fd = open(journal.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  try {
    for (;;) {
      const auto m = queue.get();
      const Got got{me, m.writer, m.number, m.sum == m.right_sum()};
      if (write(fd, &got, sizeof got) != sizeof got) _exit(9);
    }
  } catch (const brood::Closed&) {
  }
}

struct Actor {
  brood::Process process;
  int number;
};

TEST(QueueStorm, loses_doubles_and_tears_nothing_but_one_value_for_each_killed_reader) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const nothing_left::Memory memory;
  const child_support::Folder folder;
  std::vector<std::string> writers;
  std::vector<std::string> readers;
  int killed_readers = 0;
  {
    brood::Queue<Message> queue(64);
    const auto writer = [&] {
      const int n = static_cast<int>(writers.size());
      writers.push_back(folder / ("w" + std::to_string(n)));
      Actor actor{brood::Process(write_for_ever, queue, n, writers.back()), n};
      actor.process.start();
      return actor;
    };
    const auto reader = [&] {
      const int n = static_cast<int>(readers.size());
      readers.push_back(folder / ("r" + std::to_string(n)));
      Actor actor{brood::Process(read_for_ever, queue, n, readers.back()), n};
      actor.process.start();
      return actor;
    };
    std::vector<Actor> writing;
    std::vector<Actor> reading;
    for (int i = 0; i < 3; ++i) {
      writing.push_back(writer());
      reading.push_back(reader());
    }
    const auto until = Clock::now() + 5s;
    while (Clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
      auto& among = random() % 2 == 0 ? writing : reading;
      Actor& victim = among[random() % among.size()];
      victim.process.kill();
      ASSERT_TRUE(victim.process.join(15s));
      if (&among == &reading) ++killed_readers;
      victim = &among == &writing ? writer() : reader();
    }
    for (auto& actor : writing) {
      actor.process.kill();
      ASSERT_TRUE(actor.process.join(15s));
    }
    queue.close();
    for (auto& actor : reading) {
      ASSERT_TRUE(actor.process.join(30s));
      EXPECT_EQ(actor.process.exitcode(), 0);
    }
    EXPECT_EQ(queue.qsize(), 0U);
    EXPECT_THROW(queue.get(15s), brood::Closed);
  }

  std::map<std::pair<int, int>, int> times;
  for (const auto& file : readers) {
    const auto text = child_support::text_of(file);
    for (std::size_t at = 0; at + sizeof(Got) <= text.size(); at += sizeof(Got)) {
      Got got;
      std::memcpy(&got, text.data() + at, sizeof got);
      EXPECT_TRUE(got.whole) << got.writer << ' ' << got.number;
      EXPECT_EQ((++times[{got.writer, got.number}]), 1) << got.writer << ' ' << got.number;
    }
  }
  int missing = 0;
  int put = 0;
  for (std::size_t w = 0; w < writers.size(); ++w) {
    const auto text = child_support::text_of(writers[w]);
    int puts = 0;
    if (text.size() == sizeof puts) std::memcpy(&puts, text.data(), sizeof puts);
    put += puts;
    for (int i = 0; i < puts; ++i) missing += times.contains({static_cast<int>(w), i}) ? 0 : 1;
  }
  std::printf("%d values, %zu writers, %zu readers, %d readers killed, %d values died with them\n", put,
              writers.size(), readers.size(), killed_readers, missing);
  EXPECT_GT(put, 0);
  EXPECT_LE(missing, killed_readers);
}

}  // namespace
