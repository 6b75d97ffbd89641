// expects: an aggregate with a C array as member cannot travel by reflection. Use std::array
#include <brood/brood.hpp>

struct Point {
  int x, y;
};
struct Line {
  Point ends[2];
  std::string name;
};
void work(Line);
void test() { brood::Process process(work, Line{}); }
