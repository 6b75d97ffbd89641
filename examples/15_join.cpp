// join waits until a process has ended, or until the time is up, and says
// which.

#include <brood/brood.hpp>
#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

void work(brood::Queue<int> go) {
  go.get(10s);  // works until it hears a word
  std::cout << "child: done" << std::endl;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Queue<int> go;
  brood::Process process(work, go);
  process.start();

  if (!process.join(300ms))
    std::cout << "after 300 ms it still works" << std::endl;
  go.put(1);
  process.join();  // as long as it takes
  std::cout << "it has ended" << std::endl;
}
