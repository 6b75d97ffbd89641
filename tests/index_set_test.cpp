// A set of small numbers: pool/index_set.hpp.

#include "pool/index_set.hpp"

#include <gtest/gtest.h>

namespace {

using brood::pool::IndexSet;
using Numbers = std::vector<std::size_t>;

Numbers members(const IndexSet& set) {
  Numbers all;
  set.each([&](std::size_t i) { all.push_back(i); });
  return all;
}

TEST(IndexSet, is_walked_in_order) {
  IndexSet set(200);
  EXPECT_EQ(members(set), Numbers());
  for (const std::size_t i : {199, 0, 64, 63, 127, 64}) set.add(i);
  EXPECT_EQ(members(set), (Numbers{0, 63, 64, 127, 199}));
  set.remove(64);
  set.remove(65);
  EXPECT_EQ(members(set), (Numbers{0, 63, 127, 199}));
}

TEST(IndexSet, may_lose_members_while_it_is_walked) {
  IndexSet set(70);
  for (std::size_t i = 0; i < 70; ++i) set.add(i);
  Numbers seen;
  set.each([&](std::size_t i) {
    seen.push_back(i);
    if (i % 2 == 0) set.remove(i);
  });
  EXPECT_EQ(seen.size(), 70U);
  EXPECT_EQ(members(set).size(), 35U);
  EXPECT_EQ(members(set).front(), 1U);
}

}  // namespace
