// Progress bars, as a person sees them: what the program wrote is put on a screen.

#include <gtest/gtest.h>

#include <brood/pool.hpp>
#include <brood/progress.hpp>
#include <list>
#include <ranges>
#include <string>
#include <vector>

#include "on_terminal.hpp"
#include "progress/bar_text.hpp"
#include "run_program.hpp"

namespace {

using brood::progress_bar::State;
using brood::progress_bar::text_of;

/// Lines of a terminal, by what bars use: \r, \n, CSI K, CSI n A.
class Screen {
 public:
  explicit Screen(const std::string& written) {
    for (std::size_t i = 0; i < written.size(); ++i) {
      const char c = written[i];
      if (c == '\r') {
        column_ = 0;
      } else if (c == '\n') {
        ++row_;
      } else if (c == '\033') {
        const auto end = written.find_first_of("KA", i);
        if (written[end] == 'K')
          line().resize(std::min(line().size(), column_));
        else
          row_ -= std::stoul(written.substr(i + 2));
        i = end;
      } else {
        line().resize(std::max(line().size(), column_ + 1), ' ');
        line()[column_++] = c;
      }
    }
  }
  /// Those that are not empty.
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const auto& each : lines_) {
      if (!each.empty()) all.push_back(each);
    }
    return all;
  }

 private:
  std::string& line() {
    lines_.resize(std::max(lines_.size(), row_ + 1));
    return lines_[row_];
  }
  std::vector<std::string> lines_;
  std::size_t row_ = 0, column_ = 0;
};

std::vector<std::string> shown_by(const std::string& what) {
  setenv("LC_ALL", "C", 1);
  run_program::OnTerminal terminal({std::string(BROOD_TEST_PROGRAMS) + "/bars", what}, 100);
  EXPECT_EQ(terminal.wait(), 0) << what;
  unsetenv("LC_ALL");
  return Screen(terminal.screen()).lines();
}
bool begins(const std::string& text, const std::string& with) {
  return text.compare(0, with.size(), with) == 0;
}
bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

// What is shown where, is what a strict decoder shows: a sign for each byte that is no text.
std::size_t characters_in(const std::string& text) {
  std::size_t n = 0;
  for (std::size_t at = 0; at < text.size(); ++n) {
    const auto byte = static_cast<unsigned char>(text[at]);
    at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    EXPECT_LE(at, text.size());
  }
  return n;
}

TEST(Progress, with_a_label_that_is_not_utf8_fits) {
  State state;
  state.unit = "it";
  state.count = 4100;
  state.total = 10'000;
  state.seconds = 8.2;
  for (const char* label : {"caf\xe9", "caf\xe9 au lait", "\xff\xfe\xfd", "\xe2\x82", "na\xc3", "\x80\x80",
                            "\xc0\xaf", "\xf5\x80\x80\x80"}) {
    state.label = label;
    EXPECT_EQ(characters_in(text_of(state, 80, true)), 80U) << label;
    EXPECT_LE(characters_in(text_of(state, 30, true)), 30U) << label;
    EXPECT_TRUE(has(text_of(state, 80, true), "?")) << label;
  }
  state.label = "caf\xc3\xa9";
  EXPECT_TRUE(begins(text_of(state, 80, true), std::string(state.label)));
}

TEST(Progress, is_one_line_that_fits) {
  State state;
  state.label = "parse";
  state.unit = "it";
  state.count = 4100;
  state.total = 10'000;
  state.failed = 3;
  state.seconds = 12;
  EXPECT_EQ(text_of(state, 80, true),
            "parse  41%|████████▌            | 4,100/10,000 [00:12<00:17, 342 it/s, 3 failed]");
  EXPECT_EQ(text_of(state, 80, false),
            "parse  41%|########-            | 4,100/10,000 [00:12<00:17, 342 it/s, 3 failed]");
  EXPECT_EQ(text_of(state, 20, true), "parse  41% 4,100/10,");
  state.total.reset();
  state.failed = 0;
  state.items_a_second = 0.25;
  EXPECT_EQ(text_of(state, 80, true), "parse 4,100 [00:12, 4 s/it]");
  state.label = "进度";
  EXPECT_EQ(text_of(state, 3, true), "进");
  state.label = "a\nb\033[2J";
  EXPECT_EQ(text_of(state, 80, true), "a?b?[2J 4,100 [00:12, 4 s/it]");
  state.total = 0;
  EXPECT_TRUE(has(text_of(state, 80, true), "100%"));
  state.total = 10;  // more than were promised
  EXPECT_TRUE(has(text_of(state, 80, true), "100%")) << text_of(state, 80, true);
}

TEST(Progress, passes_on_what_it_goes_over) {
  std::vector<int> numbers{1, 2, 3};
  for (int& each : brood::progress(numbers)) each *= 2;
  EXPECT_EQ(numbers, (std::vector<int>{2, 4, 6}));
  std::size_t n = 0;
  for (const auto& each : brood::progress(std::list<std::string>{"a", "b"})) n += each.size();
  EXPECT_EQ(n, 2U);
  auto counted = brood::progress(numbers | std::views::transform([](int x) {
                                   if (x == 4) throw std::runtime_error("4");
                                   return x;
                                 }));
  int good = 0;
  for (auto at = counted.begin(); at != counted.end(); ++at) {
    try {
      good += *at;
    } catch (const std::runtime_error&) {
    }
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(counted.bar().count(), 3U);
  EXPECT_EQ(counted.bar().failed(), 1U);
}

TEST(Progress, prints_nothing_without_a_terminal) {
  const auto ended = run_program::run({std::string(BROOD_TEST_PROGRAMS) + "/bars", "failures"});
  EXPECT_EQ(ended.out, "sum 1115\n");
  EXPECT_EQ(ended.err, "");
}

TEST(Progress, counts_failures_of_outcomes_and_futures) {
  const auto lines = shown_by("failures");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(begins(lines[0], "parse 100%|##")) << lines[0];
  EXPECT_TRUE(has(lines[0], "50/50 [") && has(lines[0], ", 5 failed]")) << lines[0];
  EXPECT_TRUE(begins(lines[1], "wait 50 [") && has(lines[1], ", 5 failed]")) << lines[1];
  EXPECT_EQ(lines[2], "sum 1115");
}

TEST(Progress, inner_bars_have_their_own_line_and_go) {
  const auto lines = shown_by("nested");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(begins(lines[0], "outer 100%")) << lines[0];
}

TEST(Progress, bars_of_workers_have_their_own_lines) {
  const auto lines = shown_by("workers");
  // Of the worker that was killed nothing is left; the others' order is theirs.
  ASSERT_EQ(lines.size(), 3U);
  int of_workers = 0;
  for (const auto& line : lines) {
    EXPECT_TRUE(has(line, "100%")) << line;
    of_workers += begins(line, "worker ");
  }
  EXPECT_EQ(of_workers, 2);
  EXPECT_TRUE(begins(lines[2], "all 100%")) << lines[2];
}

TEST(Progress, says_things_above_the_bars) {
  const auto lines = shown_by("said");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "a line above");
  EXPECT_TRUE(begins(lines[1], "a?b  40%") && has(lines[1], "4/10 [") && has(lines[1], "1 failed"))
      << lines[1];
}

}  // namespace
