// The standard library's own types.

#include <gtest/gtest.h>

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "wire_support.hpp"

namespace {

using namespace std::chrono_literals;
using wire_support::bytes_of;
using wire_support::there_and_back;

template <class T>
class WireSequence : public testing::Test {};
using Sequences =
    testing::Types<std::vector<int>, std::vector<std::string>, std::vector<bool>, std::deque<std::string>,
                   std::deque<int>, std::list<double>, std::forward_list<int>, std::set<int>,
                   std::multiset<std::string>, std::unordered_set<int>, std::unordered_multiset<std::string>,
                   std::vector<std::vector<int>>, std::vector<std::pair<char, double>>>;
TYPED_TEST_SUITE(WireSequence, Sequences);

template <class T>
T numbered(int n) {
  if constexpr (std::is_same_v<T, std::string>)
    return "element " + std::to_string(n);
  else if constexpr (std::is_same_v<T, std::vector<int>>)
    return std::vector<int>(static_cast<std::size_t>(n), n);
  else if constexpr (std::is_same_v<T, std::pair<char, double>>)
    return {static_cast<char>(n), n / 8.0};
  else
    return static_cast<T>(n);
}

// P03
TYPED_TEST(WireSequence, arrives_unchanged_whatever_its_length) {
  using Element = typename TypeParam::value_type;
  for (const int n : {0, 1, 2, 300}) {
    std::vector<Element> elements;
    for (int i = 0; i < n; ++i) elements.push_back(numbered<Element>(i % 100));
    const TypeParam value(elements.begin(), elements.end());
    EXPECT_EQ(there_and_back(value), value);
  }
}

template <class T>
class WireMap : public testing::Test {};
using Maps =
    testing::Types<std::map<int, int>, std::map<char, double>, std::map<std::int8_t, std::int64_t>,
                   std::multimap<int, char>, std::unordered_map<int, double>, std::unordered_map<char, char>,
                   std::unordered_multimap<short, long>, std::map<bool, char>>;
TYPED_TEST_SUITE(WireMap, Maps);

TYPED_TEST(WireMap, arrives_unchanged_also_when_its_pairs_have_padding) {
  TypeParam value;
  for (int i = 0; i < 50; ++i) {
    value.emplace(static_cast<typename TypeParam::key_type>(i),
                  static_cast<typename TypeParam::mapped_type>(i));
    value.emplace(static_cast<typename TypeParam::key_type>(i),
                  static_cast<typename TypeParam::mapped_type>(1));
  }
  EXPECT_EQ(there_and_back(value), value);
}

TEST(WireMap, of_maps_of_text_arrives_unchanged) {
  const std::map<std::string, std::map<int, std::vector<std::string>>> value = {
      {"a", {{1, {"x", "y"}}, {2, {}}}}, {"b", {}}};
  EXPECT_EQ(there_and_back(value), value);
}

// So that a copy of a long key costs nothing either.
TEST(WireMap, needs_no_copy_of_a_key) {
  struct Pointed {
    bool operator()(const std::unique_ptr<std::string>& a, const std::unique_ptr<std::string>& b) const {
      return *a < *b;
    }
  };
  std::map<std::unique_ptr<std::string>, int, Pointed> value;
  value.emplace(std::make_unique<std::string>("one"), 1);
  value.emplace(std::make_unique<std::string>("two"), 2);
  const auto again = there_and_back(value);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(*again.begin()->first, "one");
  EXPECT_EQ(again.begin()->second, 1);
  EXPECT_EQ(*again.rbegin()->first, "two");
}

TEST(WireSequence, with_its_own_comparison_and_hash_keeps_them) {
  struct Length {
    std::size_t operator()(const std::string& s) const { return s.size(); }
  };
  const std::set<int, std::greater<>> down = {1, 2, 3};
  EXPECT_EQ(there_and_back(down), down);
  const std::unordered_set<std::string, Length> words = {"one", "two", "three"};
  EXPECT_EQ(there_and_back(words), words);
}

TEST(WireArray, of_every_kind_arrives_unchanged) {
  const std::array<int, 5> plain = {1, 2, 3, 4, 5};
  EXPECT_EQ(there_and_back(plain), plain);
  const std::array<std::string, 3> texts = {"a", "", "c"};
  EXPECT_EQ(there_and_back(texts), texts);
  const std::array<std::string, 100> many = {"first"};
  EXPECT_EQ(there_and_back(many), many);
  const std::array<int, 0> none = {};
  EXPECT_EQ(there_and_back(none), none);
  const std::array<std::array<bool, 2>, 2> nested = {{{true, false}, {false, true}}};
  EXPECT_EQ(there_and_back(nested), nested);
  EXPECT_EQ(there_and_back(std::vector<std::array<int, 0>>(9)).size(), 9U);
}

TEST(WireTuple, and_pair_arrive_unchanged) {
  const std::tuple<int, std::string, std::vector<double>> mixed = {1, "two", {3.0}};
  EXPECT_EQ(there_and_back(mixed), mixed);
  const std::tuple<char, double, bool> padded = {'c', 2.5, true};
  EXPECT_EQ(there_and_back(padded), padded);
  EXPECT_EQ(there_and_back(std::tuple<>{}), std::tuple<>{});
  const std::pair<std::string, int> pair = {"a", 1};
  EXPECT_EQ(there_and_back(pair), pair);
  const std::pair<char, std::int64_t> numbers = {'a', 1};
  EXPECT_EQ(there_and_back(numbers), numbers);
}

TEST(WireOptional, arrives_with_and_without_a_value) {
  EXPECT_EQ(there_and_back(std::optional<int>{}), std::nullopt);
  EXPECT_EQ(there_and_back(std::optional<std::string>{"x"}), "x");
  const std::optional<std::optional<bool>> inner{std::in_place, std::nullopt};
  EXPECT_EQ(there_and_back(inner), inner);
  EXPECT_NE(there_and_back(inner), std::optional<std::optional<bool>>{});
}

TEST(WireVariant, keeps_its_alternative_also_among_equal_types) {
  using V = std::variant<std::monostate, int, std::string, int, std::vector<int>>;
  for (const V& v : {V{}, V{std::in_place_index<1>, 4}, V{"text"}, V{std::in_place_index<3>, 4},
                     V{std::vector<int>{1, 2}}}) {
    EXPECT_EQ(there_and_back(v), v);
  }
}

TEST(WireVariant, without_a_value_is_refused_when_it_is_sent) {
  std::variant<int, std::list<int>> v = 1;
  struct Endless {  // an input iterator whose first look throws
    using iterator_category = std::input_iterator_tag;
    using value_type = int;
    using difference_type = long;
    using pointer = const int*;
    using reference = int;
    int operator*() const { throw 1; }
    Endless& operator++() { return *this; }
    bool operator==(const Endless&) const { return false; }
  };
  try {
    v.emplace<std::list<int>>(Endless(), Endless());
  } catch (int) {
  }
  ASSERT_TRUE(v.valueless_by_exception());
  EXPECT_THROW(bytes_of(v), brood::UsageError);
}

TEST(WireUnique, arrives_as_a_new_object_or_as_nothing) {
  EXPECT_EQ(there_and_back(std::unique_ptr<int>{}), nullptr);
  const auto one = std::make_unique<std::string>("text");
  const auto other = there_and_back(one);
  EXPECT_EQ(*other, "text");
  EXPECT_NE(other.get(), one.get());
  const auto constant = there_and_back(std::unique_ptr<const int>(new const int(4)));
  EXPECT_EQ(*constant, 4);
}

TEST(WireChrono, durations_and_times_arrive_unchanged) {
  EXPECT_EQ(there_and_back(1500ms), 1500ms);
  EXPECT_EQ(there_and_back(std::chrono::duration<double>(0.25)), 250ms);
  EXPECT_EQ(there_and_back(std::chrono::hours(-3)), -3h);
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(there_and_back(now), now);
  const auto then = std::chrono::steady_clock::now();
  EXPECT_EQ(there_and_back(then), then);
  const std::chrono::sys_days day{std::chrono::days(19000)};
  EXPECT_EQ(there_and_back(day), day);
}

TEST(WirePath, arrives_byte_for_byte) {
  for (const std::filesystem::path path : {"", "/", "/a b/c.txt", "rel/\xff\xfe", "a/../b"}) {
    EXPECT_EQ(there_and_back(path).native(), path.native());
  }
}

TEST(WireComplex, and_bitset_arrive_unchanged) {
  const std::complex<double> z(1.5, -2);
  EXPECT_EQ(there_and_back(z), z);
  EXPECT_EQ(there_and_back(std::complex<float>(1, 2)), (std::complex<float>(1, 2)));
  EXPECT_EQ(there_and_back(std::vector{z, z}), (std::vector{z, z}));
  std::bitset<130> bits;
  bits.set(0).set(64).set(129);
  EXPECT_EQ(there_and_back(bits), bits);
  EXPECT_EQ(there_and_back(std::bitset<0>()), std::bitset<0>());
}

TEST(WireMonostate, is_a_value) {
  EXPECT_EQ(there_and_back(std::monostate{}), std::monostate{});
  EXPECT_EQ(there_and_back(std::vector<std::monostate>(4)).size(), 4U);
}

}  // namespace
