// expects: a timeout needs a unit: write 5s or 100ms
#include <brood/brood.hpp>

bool test(brood::Process& process) { return process.join(2U); }
