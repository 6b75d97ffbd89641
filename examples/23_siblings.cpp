// Siblings share no globals either: what the first one changes, the second
// one does not see.

#include <brood/brood.hpp>
#include <cstdio>

int num = 100;

void run(std::string name, int more) {
  std::printf("%s finds %d\n", name.c_str(), num);
  num += more;
  std::printf("%s leaves %d\n", name.c_str(), num);
}

int main(int argc, char** argv) {
  brood::init(argc, argv);

  brood::Process first(run, "first", 1);
  first.start();
  first.join();  // it has changed its num before the second one begins

  brood::Process second(run, "second", 20);
  second.start();
  second.join();

  std::printf("parent has %d\n", num);
}
