// expects: make_process<T> needs a T that can be moved
#include <mutex>

#include <brood/brood.hpp>

class Counter : public brood::Process {
  std::mutex mutex_;
  void run() override {}
};
void test() { brood::make_process<Counter>().start(); }
