// A program that knows nothing of brood and uses a library that does.

#include <cstdio>
#include <thread>

extern "C" void library_begin();
extern "C" int library_work(int);
extern "C" const char* library_spawns();

int main() {
  library_begin();
  std::thread other([] {});  // threads are welcome from here on
  std::printf("%d\n", library_work(5));
  other.join();
  std::printf("%s\n", library_spawns());
}
