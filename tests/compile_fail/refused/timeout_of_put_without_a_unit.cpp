// expects: a timeout needs a unit: write 5s or 100ms
#include <brood/brood.hpp>

void test(brood::Queue<std::string> queue) { queue.put("text", 5L); }
