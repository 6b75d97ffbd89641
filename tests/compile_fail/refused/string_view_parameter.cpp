// expects: a view \(string_view, span, reference_wrapper\) cannot travel, what it looks at stays behind. Use
// the owning type
#include <brood/brood.hpp>

void work(std::string_view);
void test() { brood::Process process(work, "text"); }
