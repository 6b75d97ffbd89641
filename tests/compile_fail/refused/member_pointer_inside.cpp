// expects: a pointer to member cannot travel inside a value
#include <brood/brood.hpp>

struct Point {
  int x;
};
void work(std::vector<int Point::*>);
void test() { brood::Process process(work, std::vector<int Point::*>{}); }
