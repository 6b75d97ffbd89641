// A unique_ptr is moved into the message.
#include <brood/brood.hpp>

void work(std::unique_ptr<int>, std::vector<std::unique_ptr<std::string>>);
void test(std::vector<std::unique_ptr<std::string>> v) {
  brood::Process process(work, std::make_unique<int>(3), std::move(v));
}
