// Items, results and arguments that can only be moved, in each of a pool's calls.
#include <brood/brood.hpp>
#include <iterator>
#include <ranges>

using Only = std::unique_ptr<int>;
int look(const Only&);
int look_with(const Only&, const Only&);
int take(Only);
Only make(int);
int add(Only, int);

void test(brood::Pool& pool, std::vector<Only> items, const std::vector<Only>& looked_at,
          std::vector<std::tuple<Only, int>> pairs) {
  pool.apply(look, items[0]);
  pool.apply(take, items[0]);
  pool.apply_async(take, std::move(items[0])).get();
  pool.map(look, items);
  pool.map(take, looked_at);
  pool.map(look_with, items, Only());
  pool.map({.chunksize = 1}, look, items);
  pool.map(look, std::ranges::ref_view(items));
  pool.map(make, std::vector<int>{1, 2}).at(0);
  pool.map_async(look, items).get();
  pool.map_async(make, std::vector<int>{1, 2}).get();
  std::move(pool.map_async({.chunksize = 1}, make, std::vector<int>{1, 2})).get();
  pool.for_each(take, items);
  for (const int n : pool.imap(look, items)) static_cast<void>(n);
  for (const auto& one : pool.imap_unordered(make, std::vector<int>{1, 2})) static_cast<void>(one);
  for (auto&& [item, outcome] : pool.imap(make, std::vector<int>{1, 2}).outcomes())
    static_cast<void>(outcome);
  for (const int n : pool.imap(look, std::vector<Only>())) static_cast<void>(n);
  pool.starmap(add, std::move(pairs));
  pool.starmap({.chunksize = 1}, add, std::vector<std::pair<Only, int>>());
  pool.map(look, std::ranges::subrange(std::move_iterator(items.begin()), std::move_sentinel(items.end())));
  pool.map(look, std::move(items));
}
