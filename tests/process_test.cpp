// What a Process runs: functions, objects, subclasses, with what arguments.

#include <gtest/gtest.h>

#include <numeric>

#include "child_support.hpp"

namespace process_test {

using namespace child_support;

struct Weather {
  std::string word = "hot";
  int times = 3;
};

struct Parcel {
  std::vector<std::string> lines;
  std::map<std::string, std::optional<double>> numbers;
  std::tuple<int, char> pair;
  std::unique_ptr<int> owned;
};

void report(const std::string& file, Weather w) { std::ofstream(file) << w.word << " " << w.times; }
void write_text(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }
void touch(const std::string& file) { std::ofstream(file) << "touched"; }
void touch_quietly(std::string file) noexcept { std::ofstream(file) << "quiet"; }

// One name, two functions.
void overloaded(std::string file, int) { std::ofstream(file) << "int"; }
void overloaded(std::string file, double) { std::ofstream(file) << "double"; }

struct Counter {
  int from = 1;
  std::string name;

  void count(const std::string& file, int to) const {
    std::ofstream out(file);
    for (int i = from; i <= to; ++i) out << name << i << ";";
  }
  void shift(std::string file) {
    from += 10;
    std::ofstream(file) << from;
  }
  static void hello(const std::string& file) { std::ofstream(file) << "hello"; }
  void operator()(const std::string& file) const { std::ofstream(file) << name << from; }
};

struct Shape {
  int sides = 4;
  virtual ~Shape() = default;
  virtual void draw(const std::string& file) const { std::ofstream(file) << "shape " << sides; }
};

class Process : public EachMethod {
 protected:
  // Runs a call whose first argument is a file; what it wrote.
  template <class F, class... Args>
  std::string written_by(F f, Args&&... args) {
    const std::string file = folder_ / "file";
    std::filesystem::remove(file);
    brood::Process process(options(), f, file, std::forward<Args>(args)...);
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
    return text_of(file);
  }
  template <class F, class Object, class... Args>
  std::string written_by_member(F f, Object object, Args&&... args) {
    const std::string file = folder_ / "file";
    brood::Process process(options(), f, object, file, std::forward<Args>(args)...);
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
    return text_of(file);
  }
  Folder folder_;
};
BROOD_EACH_METHOD(Process);

// P03
TEST_P(Process, hands_arguments_over_unchanged) {
  Parcel parcel{
      {"one", "", "three"}, {{"pi", 3.25}, {"none", std::nullopt}}, {7, 'x'}, std::make_unique<int>(42)};
  const auto look = [](const Parcel& p, std::vector<bool> bits, std::chrono::seconds time) {
    std::ostringstream out;
    out << p.lines.size() << p.lines[2] << p.numbers.at("pi").value() << p.numbers.at("none").has_value()
        << std::get<1>(p.pair) << *p.owned << bits.size() << bits[1] << time.count();
    return out.str();
  };
  // The answering function has no parameters of its own, so what can only be moved is wrapped by hand.
  const std::string file = folder_ / "answer";
  brood::Process process(
      options(),
      [](const std::string& to, Parcel p, std::vector<bool> bits, std::chrono::seconds time) {
        decltype(look) f;
        std::ofstream(to) << f(p, std::move(bits), time);
      },
      file, std::move(parcel), std::vector<bool>{true, false, true}, std::chrono::minutes(2));
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(text_of(file), "3three3.250x4230120");
}

// P03
TEST_P(Process, takes_no_argument_at_all) {
  EXPECT_EQ(exit_code_of(options(), [] { std::exit(5); }), 5);
}

TEST_P(Process, converts_text_to_the_parameters_type) {
  const std::string file = folder_ / "file";
  brood::Process process(options(), write_text, file.c_str(), "text");
  process.start();
  process.join();
  EXPECT_EQ(text_of(file), "text");
}

TEST_P(Process, converts_numbers_to_the_parameters_type) {
  const auto half = [](std::string to, double n, std::int8_t small) {
    std::ofstream(to) << n / 2 << "," << +small;
  };
  EXPECT_EQ(written_by(half, 3, 7L), "1.5,7");
}

TEST_P(Process, takes_keyword_arguments_as_an_aggregate) {
  EXPECT_EQ(written_by(report, Weather{.word = "warm"}), "warm 3");
  EXPECT_EQ(written_by(report, Weather{.times = 5}), "hot 5");
}

TEST_P(Process, copies_its_arguments_when_it_is_made) {
  const std::string file = folder_ / "file";
  std::string text = "before";
  brood::Process process(options(), write_text, file, text);
  text = "after";
  process.start();
  process.join();
  EXPECT_EQ(text_of(file), "before");
}

TEST_P(Process, calls_free_functions_by_name_and_by_address) {
  EXPECT_EQ(written_by(touch), "touched");
  EXPECT_EQ(written_by(&touch), "touched");
  EXPECT_EQ(written_by(touch_quietly), "quiet");
  EXPECT_EQ(written_by(brood::fn<touch>), "touched");
  EXPECT_EQ(written_by(brood::fn<static_cast<void (*)(std::string, double)>(overloaded)>, 1), "double");
  EXPECT_EQ(written_by(static_cast<void (*)(std::string, int)>(overloaded), 1.5), "int");
}

TEST_P(Process, calls_members_with_their_object) {
  EXPECT_EQ(written_by_member(&Counter::count, Counter{2, "n"}, 4), "n2;n3;n4;");
  EXPECT_EQ(written_by_member(&Counter::shift, Counter{2, "n"}), "12");
  EXPECT_EQ(written_by(&Counter::hello), "hello");
}

TEST_P(Process, calls_objects_with_their_fields) { EXPECT_EQ(written_by(Counter{8, "counter"}), "counter8"); }

TEST_P(Process, calls_lambdas_without_captures_also_generic_ones) {
  EXPECT_EQ(written_by([](std::string file) { touch(file); }), "touched");
  EXPECT_EQ(written_by([](const auto& file, auto n) { write_text(file, std::to_string(n)); }, 7), "7");
}

TEST_P(Process, gives_text_to_a_generic_lambda_as_a_string) {
  EXPECT_EQ(written_by([](const auto& file, auto text) { write_text(file, text + "!"); }, "text"), "text!");
}

TEST_P(Process, drops_what_its_function_returns) {
  EXPECT_EQ(exit_code_of(options(), [] { return 5; }), 0);
  EXPECT_EQ(exit_code_of(options(), [] { return std::make_shared<int>(5); }), 0);
}

TEST_P(Process, without_a_target_runs_nothing) {
  brood::Process process(options());
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
}

// P21
TEST_P(Process, may_be_forgotten_once_it_runs) {
  const Gate begun, may_end, ended;
  {
    brood::Process process(
        options(),
        [](std::string a, std::string b, std::string c) {
          open_then_wait(a, b);
          Gate::open(c);
        },
        begun.path(), may_end.path(), ended.path());
    process.start();
  }
  EXPECT_TRUE(begun.pass());
  may_end.open();
  EXPECT_TRUE(ended.pass());
}

TEST_P(Process, may_be_moved_before_and_after_its_start) {
  const Gate gate;
  brood::Process first(
      options(), [](std::string path) { Gate::pass(path); }, gate.path());
  brood::Process second(std::move(first));
  second.start();
  std::vector<brood::Process> all;
  all.push_back(std::move(second));
  gate.open();
  EXPECT_TRUE(all[0].join());
  EXPECT_EQ(all[0].exitcode(), 0);
  EXPECT_THROW(second.start(), brood::UsageError);  // NOLINT(bugprone-use-after-move)
}

TEST(ProcessRun, called_directly_runs_here_and_may_be_repeated) {
  const Folder folder;
  const std::string file = folder / "pid";
  brood::Process process([](std::string to) { std::ofstream(to, std::ios::app) << getpid() << ";"; }, file);
  process.run();
  process.run();
  const std::string here = std::to_string(getpid()) + ";";
  EXPECT_EQ(text_of(file), here + here);
  EXPECT_EQ(process.pid(), std::nullopt);
  process.start();
  process.join();
  EXPECT_EQ(text_of(file).substr(0, 2 * here.size()), here + here);
  EXPECT_GT(text_of(file).size(), 2 * here.size());
}

TEST(ProcessForked, may_capture_references_to_what_the_caller_has) {
  const Folder folder;
  std::vector<std::string> words = {"one", "two"};
  brood::Process process(brood::forked, {.name = "copy"}, [&] { write_text(folder / "words", words[1]); });
  words[1] = "changed";
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(text_of(folder / "words"), "changed");
  EXPECT_EQ(process.name(), "copy");
}

}  // namespace process_test
