// A function, its arguments by position, and its arguments by keyword.

#include <brood/brood.hpp>
#include <cstdio>

void run(std::string word) { std::printf("%s day\n", word.c_str()); }

// Keyword arguments in C++: a struct with defaults.
struct Weather {
  std::string word = "mild";
  int times = 1;
};

void report(std::string place, Weather weather) {
  for (int i = 0; i < weather.times; ++i)
    std::printf("%s: %s day\n", place.c_str(), weather.word.c_str());
}

void run_and_wait(brood::Process process) {
  process.start();
  process.join();
}

int main(int argc, char** argv) {
  brood::init(argc, argv);

  run_and_wait(brood::Process(run, "hot"));
  run_and_wait(brood::Process(report, "Rome", Weather{.word = "warm"}));
  run_and_wait(
      brood::Process(report, "Oslo", Weather{.word = "cold", .times = 2}));
  run_and_wait(brood::Process(report, "Nice", Weather{}));
}
