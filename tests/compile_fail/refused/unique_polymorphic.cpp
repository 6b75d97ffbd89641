// expects: a unique_ptr to a polymorphic class cannot travel, its real type would be lost
#include <brood/brood.hpp>

struct Shape {
  virtual ~Shape() = default;
  int n = 0;
};
void work(std::unique_ptr<Shape>);
void test() { brood::Process process(work, std::make_unique<Shape>()); }
