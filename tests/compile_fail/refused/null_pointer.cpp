// expects: nullptr cannot travel; send std::nullopt in a std::optional
#include <brood/brood.hpp>

void work(std::nullptr_t);
void test() { brood::Process process(work, nullptr); }
