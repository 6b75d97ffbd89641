// expects: a view \(string_view, span, reference_wrapper\) cannot travel, what it looks at stays behind. Use
// the owning type
#include <brood/brood.hpp>

void work(std::reference_wrapper<int>);
void test(int& n) { brood::Process process(work, std::ref(n)); }
