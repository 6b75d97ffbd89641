// Subclasses that override run(), made in the child or copied into it.

#include <gtest/gtest.h>

#include <thread>

#include "child_support.hpp"

namespace {

using namespace child_support;

class Counter : public brood::Process {
 public:
  Counter(std::string file, int id, brood::ProcessOptions options = {})
      : Process(std::move(options)), file_(std::move(file)), id_(id) {}
  void run() override {
    std::ofstream(file_) << "child " << id_ << " " << name() << " " << (pid() == getpid()) << " "
                         << is_alive() << " " << getpid();
  }
  void set_id(int id) { id_ = id; }

 private:
  std::string file_;
  int id_;
};

// A name of its own, as in the tutorial.
class Named : public brood::Process {
 public:
  Named(std::string file, std::string name) : Process({.name = std::move(name)}), file_(std::move(file)) {}
  void run() override { std::ofstream(file_) << brood::current_process().name(); }

 private:
  std::string file_;
};

// Answers what comes on one pipe over another until it is told to stop.
class Upper : public brood::Process {
 public:
  Upper(std::string in, std::string out) : in_(std::move(in)), out_(std::move(out)) {}
  void run() override {
    std::ifstream in(in_);
    std::ofstream out(out_);
    for (std::string line; std::getline(in, line) && line != "stop";) {
      for (char& c : line) c = static_cast<char>(std::toupper(c));
      out << line << std::endl;
    }
  }

 private:
  std::string in_, out_;
};

std::string first_words(const std::string& text) { return text.substr(0, text.rfind(' ')); }

TEST(Subclass, made_by_make_process_is_constructed_in_the_child) {
  const Folder folder;
  auto counter = brood::make_process<Counter>(folder / "file", 7);
  counter.start();
  counter.join();
  EXPECT_EQ(counter.exitcode(), 0);
  EXPECT_EQ(first_words(text_of(folder / "file")), "child 7 " + counter.name() + " 1 1");
}

TEST(Subclass, made_by_make_process_starts_in_a_program_with_threads) {
  const Folder folder;
  const Gate gate;
  std::thread other([&] { gate.pass(); });
  auto counter = brood::make_process<Counter>(folder / "file", 8);
  counter.start();
  counter.join();
  gate.open();
  other.join();
  EXPECT_EQ(counter.exitcode(), 0);
}

TEST(Subclass, that_gives_itself_a_name_has_it_on_both_sides) {
  const Folder folder;
  auto named = brood::make_process<Named>(folder / "file", "weather");
  EXPECT_EQ(named.name(), "weather");
  named.start();
  named.join();
  EXPECT_EQ(text_of(folder / "file"), "weather");
}

// P30
TEST(Subclass, talks_over_its_own_pipe_and_stops_when_told) {
  const Folder folder;
  const std::string in = folder / "in";
  const std::string out = folder / "out";
  ASSERT_EQ(mkfifo(in.c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(out.c_str(), 0600), 0);
  auto upper = brood::make_process<Upper>(in, out);
  upper.start();
  std::ofstream to(in);
  std::ifstream from(out);
  std::string answer;
  for (const std::string word : {"one", "two"}) {
    to << word << std::endl;
    std::getline(from, answer);
    EXPECT_EQ(answer, word == "one" ? "ONE" : "TWO");
  }
  to << "stop" << std::endl;
  upper.join();
  EXPECT_EQ(upper.exitcode(), 0);
}

TEST(Subclass, bare_starts_as_a_copy_with_the_fields_it_has) {
  const Folder folder;
  Counter counter(folder / "file", 1);
  counter.set_id(9);
  counter.start();
  counter.join();
  EXPECT_EQ(counter.exitcode(), 0);
  EXPECT_EQ(first_words(text_of(folder / "file")), "child 9 " + counter.name() + " 1 1");
}

TEST(Subclass, bare_refuses_to_start_beside_threads_and_names_make_process) {
  const Folder folder;
  const Gate gate;
  std::thread other([&] { gate.pass(); });
  Counter counter(folder / "file", 1);
  try {
    counter.start();
    ADD_FAILURE() << "started by fork beside a thread";
  } catch (const brood::UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("make_process"), std::string::npos) << e.what();
  }
  gate.open();
  other.join();
  // Once the thread is gone it may.
  counter.start();
  counter.join();
  EXPECT_EQ(counter.exitcode(), 0);
}

TEST(Subclass, run_called_directly_runs_here) {
  const Folder folder;
  Counter counter(folder / "file", 3);
  counter.run();
  EXPECT_TRUE(text_of(folder / "file").ends_with(" " + std::to_string(getpid()))) << text_of(folder / "file");
}

TEST(Subclass, four_started_in_a_loop_run_at_once) {
  const Folder folder;
  std::vector<std::unique_ptr<Waiting>> all;
  for (int i = 0; i < 4; ++i) {
    all.push_back(std::make_unique<Waiting>());
    all.back()->start();
  }
  for (const auto& one : all) EXPECT_TRUE(one->process.is_alive());
  for (const auto& one : all) one->let_end();
  for (const auto& one : all) {
    EXPECT_TRUE(one->process.join());
    EXPECT_EQ(one->process.exitcode(), 0);
  }
}

TEST(Subclass, prints_its_own_class) {
  const Folder folder;
  const Counter counter(folder / "file", 3, {.name = "third"});
  EXPECT_NE(counter.to_string().find("Counter name='third'"), std::string::npos) << counter.to_string();
}

}  // namespace
