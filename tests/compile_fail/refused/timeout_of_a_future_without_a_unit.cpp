// expects: a timeout needs a unit: write 5s or 100ms
#include <brood/brood.hpp>

int test(brood::Future<int> future) { return future.get(0.5); }
