// An aggregate with designated initialisers.
#include <brood/brood.hpp>

struct Weather {
  std::string word = "hot";
  int times = 3;
};
void report(Weather);
void test() { brood::Process process({.name = "weather", .daemon = true}, report, Weather{.word = "warm"}); }
