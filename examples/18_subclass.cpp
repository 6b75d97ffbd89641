// A class derived from Process: its constructor's arguments travel, its
// run() is what the child does. Four of them in a loop.
// Order: free

#include <brood/brood.hpp>
#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

class MyProcess : public brood::Process {
 public:
  MyProcess(int id, std::string name)
      : Process({.name = std::move(name)}), id_(id) {}

  void run() override {
    std::cout << "child " << id_ << " begins" << std::endl;
    std::cout << *this << std::endl;
    std::this_thread::sleep_for(300ms);
    std::cout << "child " << id_ << " ends" << std::endl;
  }

 private:
  int id_;
};

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::cout << "parent begins" << std::endl;

  for (int i = 0; i < 4; ++i) {
    auto process =
        brood::make_process<MyProcess>(i, "child-" + std::to_string(i));
    process.start();
  }

  std::cout << "parent ends" << std::endl;
}
