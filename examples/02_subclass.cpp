// A class derived from Process: the constructor's arguments travel, run() is what the child does.
// Prints: child 3 ends.*four processes ran

#include <brood/brood.hpp>
#include <chrono>
#include <iostream>
#include <thread>
#include <vector>

class Counter : public brood::Process {
 public:
  Counter(int id, std::string name) : Process({.name = std::move(name)}), id_(id) {}

  void run() override {
    std::cout << "child " << id_ << " begins: " << *this << std::endl;
    std::this_thread::sleep_for(std::chrono::milliseconds(50 * (id_ + 1)));
    std::cout << "child " << id_ << " ends" << std::endl;
  }

 private:
  int id_;
};

int main(int argc, char** argv) {
  brood::init(argc, argv);
  std::vector<Counter> counters;
  for (int i = 0; i < 4; ++i) {
    counters.push_back(brood::make_process<Counter>(i, "counter " + std::to_string(i)));
    counters.back().start();  // all four run at once
  }
  for (auto& counter : counters) counter.join();
  std::cout << "four processes ran" << std::endl;
}
