// Items and results that can be copied, but neither assigned nor made of nothing.
#include <brood/brood.hpp>

struct Fixed {
  const int a;
  int b;
};
struct Named {
  const std::string name;
};
Fixed make(int);
Named name(Fixed);
Fixed add(Fixed, Fixed);
struct Chosen {  // can be made of nothing, and not be assigned
  const int a = 1;
};
Chosen choose(int);

void test(brood::Pool& pool, const std::vector<int>& numbers, std::vector<Fixed> fixed) {
  pool.apply(make, 1);
  pool.map(make, numbers).at(0);
  pool.map(name, fixed).at(0);
  pool.map(choose, numbers).at(0);
  pool.map({.chunksize = 1}, make, numbers).at(0);
  pool.map_async(make, numbers).get().at(0);
  std::move(pool.map_async(name, fixed)).get().at(0);
  pool.map_async({.priority = 1}, name, fixed).get().at(0);
  pool.map_async(make, numbers).add_done_callback([](auto outcome) { outcome->get().at(0); });
  for (auto&& one : pool.imap(make, numbers)) static_cast<void>(one);
  for (auto&& [item, outcome] : pool.imap_unordered(name, fixed).outcomes()) static_cast<void>(outcome);
  pool.starmap(add, std::vector<std::pair<Fixed, Fixed>>());
  pool.reduce(fixed, Fixed{1, 2}, add);
}
