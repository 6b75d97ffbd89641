// Names, relatives, and what a process knows about itself.

#include <gtest/gtest.h>

#include <brood/init.hpp>
#include <csignal>
#include <sstream>
#include <thread>

#include "child_support.hpp"

namespace family {

using namespace child_support;

class Family : public EachMethod {};
BROOD_EACH_METHOD(Family);

std::string number_in(const std::string& name) { return name.substr(std::string("Process-").size()); }

// ---- names ----

TEST_P(Family, names_are_numbered_and_children_add_a_number) {
  const brood::Process first(options(), [] {});
  const brood::Process second(options(), [] {});
  ASSERT_TRUE(first.name().starts_with("Process-")) << first.name();
  EXPECT_EQ(std::stoi(number_in(second.name())), std::stoi(number_in(first.name())) + 1);

  const Folder folder;
  brood::Process parent(
      options(),
      [](std::string file) {
        const brood::Process one([] {}), two([] {});
        brood::Process three(
            [](std::string f) { std::ofstream(f, std::ios::app) << brood::Process([] {}).name(); }, file);
        std::ofstream(file) << one.name() << " " << two.name() << " ";
        three.start();
        three.join();
      },
      folder / "names");
  const std::string name = parent.name();
  parent.start();
  parent.join();
  EXPECT_EQ(text_of(folder / "names"), name + ":1 " + name + ":2 " + name + ":3:1");
}

TEST_P(Family, a_given_name_is_shown_by_ps_as_far_as_it_fits) {
  auto o = options();
  o.name = "weather report of today";
  EXPECT_EQ(answer_of(o, [] { return text_of("/proc/self/comm"); }), "weather report \n");
}

TEST_P(Family, a_name_may_change_at_any_time_without_meaning_for_a_running_process) {
  auto o = options();
  o.name = "before";
  Waiting child(o);
  child.process.set_name("start");
  child.start();
  child.process.set_name("after");
  EXPECT_EQ(child.process.name(), "after");
  EXPECT_EQ(text_of("/proc/" + std::to_string(*child.process.pid()) + "/comm"), "start\n");
}

TEST_P(Family, names_need_not_be_unique) {
  auto o = options();
  o.name = "twin";
  Waiting a(o), b(o);
  a.start();
  b.start();
  EXPECT_EQ(a.process.name(), b.process.name());
  EXPECT_NE(a.process.pid(), b.process.pid());
}

// ---- oneself ----

// P01
TEST(FamilyAlone, the_program_reports_itself) {
  auto self = brood::current_process();
  EXPECT_EQ(self.name(), "MainProcess");
  EXPECT_EQ(self.pid(), getpid());
  EXPECT_TRUE(self.is_alive());
  EXPECT_FALSE(self.daemon());
  EXPECT_EQ(self.exitcode(), std::nullopt);
}

// P05
TEST(FamilyAlone, the_program_has_no_parent) { EXPECT_FALSE(brood::parent_process().has_value()); }

// P14
TEST(FamilyAlone, counts_of_processors_are_at_least_one) {
  EXPECT_GE(brood::cpu_count(), 1);
  EXPECT_GE(brood::usable_cpu_count(), 1);
  EXPECT_LE(brood::usable_cpu_count(), brood::cpu_count());
}

TEST_P(Family, a_child_reports_itself) {
  auto o = options();
  o.name = "child";
  o.daemon = true;
  EXPECT_EQ(answer_of(o,
                      [] {
                        auto self = brood::current_process();
                        std::ostringstream out;
                        out << self.name() << " " << (self.pid() == getpid()) << self.is_alive()
                            << self.daemon() << self.exitcode().has_value();
                        return out.str();
                      }),
            "child 1110");
}

// P05
TEST_P(Family, a_child_knows_its_parent) {
  EXPECT_EQ(answer_of(options(),
                      [] {
                        auto parent = brood::parent_process();
                        std::ostringstream out;
                        out << parent->name() << " " << parent->pid().value() << " " << parent->is_alive()
                            << parent->exitcode().has_value() << parent->join(std::chrono::milliseconds(1));
                        return out.str();
                      }),
            "MainProcess " + std::to_string(getpid()) + " 100");
}

// P06
TEST_P(Family, a_grandchild_joins_its_parent) {
  const Folder folder;
  const Gate begun, never, ended;
  // The grandchild would be gone with its parent, so what it saw is written before; it waits for a parent
  // that is alive, and is not there any more a moment after.
  brood::Process parent(
      options(),
      [](std::string file, std::string a, std::string b) {
        brood::Process child(
            [](std::string f, std::string g) {
              auto above = brood::parent_process();
              std::ofstream(f) << getpid() << " " << above->name() << " " << above->is_alive();
              Gate::open(g);
              above->join();
            },
            file, a);
        child.start();
        Gate::pass(b);
      },
      folder / "seen", begun.path(), never.path());
  parent.start();
  ASSERT_TRUE(begun.pass());
  std::istringstream seen(text_of(folder / "seen"));
  pid_t grandchild = 0;
  std::string name;
  bool alive = false;
  seen >> grandchild >> name >> alive;
  EXPECT_EQ(name, parent.name());
  EXPECT_TRUE(alive);
  parent.terminate();
  parent.join();
  EXPECT_TRUE(gone(grandchild));
}

TEST_P(Family, getppid_is_the_caller_but_under_spawn) {
  const std::string above = answer_of(options(), [] { return getppid(); });
  if (GetParam() == brood::StartMethod::spawn)
    EXPECT_NE(above, std::to_string(getpid()));
  else
    EXPECT_EQ(above, std::to_string(getpid()));
}

// ---- active children ----

TEST_P(Family, active_children_are_those_that_run) {
  EXPECT_TRUE(brood::active_children().empty());
  Waiting a(options()), b(options());
  brood::Process fresh(options(), [] {});
  a.start();
  b.start();
  EXPECT_EQ(brood::active_children().size(), 2U);
  a.let_end();
  a.process.join();
  auto left = brood::active_children();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].name(), b.process.name());
  EXPECT_EQ(left[0].pid(), b.process.pid());
  // A handle as any other.
  left[0].terminate();
  EXPECT_TRUE(left[0].join());
  EXPECT_EQ(b.process.exitcode(), -SIGTERM);
  EXPECT_TRUE(brood::active_children().empty());
}

TEST_P(Family, a_child_begins_with_no_children) {
  Waiting other(options());
  other.start();
  EXPECT_EQ(answer_of(options(), [] { return brood::active_children().size(); }), "0");
}

// ---- daemons ----

TEST_P(Family, daemon_is_inherited_from_the_process_that_makes_it) {
  EXPECT_FALSE(brood::Process(options(), [] {}).daemon());
  for (const bool daemon : {false, true}) {
    auto o = options();
    o.daemon = daemon;
    EXPECT_EQ(answer_of(o,
                        [] {
                          const brood::Process inherits([] {}), not_one({.daemon = false}, [] {}),
                              is_one({.daemon = true}, [] {});
                          std::ostringstream out;
                          out << inherits.daemon() << not_one.daemon() << is_one.daemon();
                          return out.str();
                        }),
              daemon ? "101" : "001");
  }
}

// Unlike Python's.
TEST_P(Family, daemons_may_have_children) {
  auto o = options();
  o.daemon = true;
  EXPECT_EQ(exit_code_of(o,
                         [] {
                           brood::Process child([] { std::exit(6); });
                           child.start();
                           child.join();
                           std::exit(child.exitcode().value());
                         }),
            6);
}

// ---- trees ----

void grow(std::string file, int depth, brood::StartMethod method) {
  const std::string me = std::to_string(getpid());
  std::ofstream(file, std::ios::app) << (getppid() == *brood::parent_process()->pid() ? "own " : "other ");
  if (depth == 0) std::exit(10);
  brood::Process child({.method = method}, grow, file, depth - 1, method);
  child.start();
  child.join();
  std::exit(child.exitcode().value() + 1);
}

// P16: three levels deep, each with its status.
TEST_P(Family, children_of_children_report_to_the_process_that_started_them) {
  const Folder folder;
  EXPECT_EQ(exit_code_of(options(), grow, folder / "levels", 3, GetParam()), 13);
  const std::string each = GetParam() == brood::StartMethod::spawn ? "other " : "own ";
  EXPECT_EQ(text_of(folder / "levels"), each + each + each + each);
}

void visit(std::string file, std::string label, int depth) {
  std::ofstream(file, std::ios::app) << label << ";";
  if (depth == 0) return;
  for (const char* branch : {"a", "b"}) {
    brood::Process child(visit, file, label + branch, depth - 1);
    child.start();
    child.join();
  }
}

// P16
TEST_P(Family, a_tree_of_processes_runs_in_depth_first_order_when_each_is_joined) {
  const Folder folder;
  EXPECT_EQ(exit_code_of(options(), visit, folder / "order", "r", 2), 0);
  EXPECT_EQ(text_of(folder / "order"), "r;ra;raa;rab;rb;rba;rbb;");
}

TEST_P(Family, a_signal_ends_a_child_together_with_its_own_children) {
  const Folder folder;
  const Gate begun, never;
  brood::Process parent(
      options(),
      [](std::string file, std::string a, std::string b) {
        brood::Process child(
            [](std::string f, std::string g, std::string h) {
              std::ofstream(f) << getpid();
              open_then_wait(g, h);
            },
            file, a, b);
        child.start();
        Gate::pass(b);
      },
      folder / "pid", begun.path(), never.path());
  parent.start();
  ASSERT_TRUE(begun.pass());
  parent.kill();
  parent.join();
  EXPECT_TRUE(gone(std::stoi(text_of(folder / "pid"))));
}

TEST(FamilyAlone, nests_lets_a_child_start_children_beside_threads) {
  EXPECT_EQ(exit_code_of({.nests = true},
                         [] {
                           int code = 0;
                           {
                             const Gate gate;
                             std::thread other([&] { gate.pass(); });
                             brood::Process child([] { std::exit(4); });
                             child.start();
                             child.join();
                             gate.open();
                             other.join();
                             code = child.exitcode().value();
                           }
                           std::exit(code);
                         }),
            4);
}

TEST(FamilyAlone, without_nests_a_first_child_beside_threads_is_an_error_that_names_it) {
  EXPECT_NE(answer_of({},
                      [] {
                        const Gate gate;
                        std::thread other([&] { gate.pass(); });
                        std::string text = "started";
                        try {
                          brood::Process child([] {});
                          child.start();
                          child.join();
                        } catch (const brood::UsageError& e) {
                          text = e.what();
                        }
                        gate.open();
                        other.join();
                        return text;
                      })
                .find(".nests = true"),
            std::string::npos);
}

}  // namespace family
