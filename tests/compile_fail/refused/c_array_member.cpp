// expects: an aggregate with a C array as member cannot travel by reflection. Use std::array
#include <brood/brood.hpp>

struct Packet {
  int kind;
  char body[16];
};
void work(Packet);
void test() { brood::Process process(work, Packet{}); }
