// A module loaded after init is not in the server: an error says so, and renew_server helps. loads_late
// MODULE

#include <dlfcn.h>

#include <brood/brood.hpp>
#include <cstdio>

int main(int, char** argv) {
  brood::init(0, nullptr);
  void* module = dlopen(argv[1], RTLD_NOW);
  auto* twice = reinterpret_cast<int (*)(int)>(module != nullptr ? dlsym(module, "late_twice") : nullptr);
  if (twice == nullptr) return 2;
  const auto apply = [&] {
    brood::Pool pool(1);
    return pool.apply(twice, 21);
  };
  try {
    std::printf("%d\n", apply());
  } catch (const brood::UsageError& e) {
    std::printf("UsageError: %s\n", e.what());
  }
  brood::renew_server();
  std::printf("%d\n", apply());
}
