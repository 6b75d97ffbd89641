// expects: a view \(string_view, span, reference_wrapper\) cannot travel, what it looks at stays behind. Use
// the owning type
#include <brood/brood.hpp>

void work(std::span<const int>);
void test(std::vector<int> v) { brood::Process process(work, v); }
