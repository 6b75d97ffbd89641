// Classes of the user's own.

#include <gtest/gtest.h>

#include "wire_support.hpp"

namespace wire_class {

struct Point {
  int x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Empty {
  friend bool operator==(const Empty&, const Empty&) = default;
};

struct Scene {
  std::string name;
  std::vector<Point> points;
  struct Light {
    Point at;
    std::optional<std::string> colour;
    Empty nothing;
    friend bool operator==(const Light&, const Light&) = default;
  };
  std::map<std::string, Light> lights;
  std::variant<int, Light> main = 0;
  friend bool operator==(const Scene&, const Scene&) = default;
};

struct Node {
  int value = 0;
  std::unique_ptr<Node> next;
};

struct Tree {
  std::string label;
  std::vector<Tree> branches;
  friend bool operator==(const Tree&, const Tree&) = default;
};

// No default constructor, private fields: only a codec knows it.
class Celsius {
 public:
  explicit Celsius(double degrees) : degrees_(degrees) {}
  double degrees() const { return degrees_; }
  friend bool operator==(const Celsius&, const Celsius&) = default;

 private:
  double degrees_;
};

struct Reading {
  Celsius value;
  std::vector<Celsius> before;
  friend bool operator==(const Reading&, const Reading&) = default;
};

// Trivially copyable, not an aggregate: opted in as its bytes.
class Matrix {
 public:
  explicit Matrix(float diagonal) { cells_[0] = cells_[3] = diagonal; }
  friend bool operator==(const Matrix& a, const Matrix& b) {
    return std::memcmp(a.cells_, b.cells_, sizeof a.cells_) == 0;
  }

 private:
  float cells_[4] = {};
};

// A C array inside, opted in.
struct Packet {
  char head[4];
  int body;
};

class MoveOnly {
 public:
  explicit MoveOnly(int n) : n_(std::make_unique<int>(n)) {}
  int n() const { return *n_; }

 private:
  std::unique_ptr<int> n_;
};

struct Parcel {
  std::unique_ptr<std::string> text;
  MoveOnly content;
};

// A codec that refuses what it does not like.
class Even {
 public:
  explicit Even(int n) : n_(n) {}
  int n() const { return n_; }

 private:
  int n_;
};

struct Constants {
  const int number = 1;
  const std::string text;
};

struct Bools {
  bool a = true, b = false;
  char c = 'c';
  friend bool operator==(const Bools&, const Bools&) = default;
};

struct Many {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t;
  std::string u, v, w, x, y, z;
  friend bool operator==(const Many&, const Many&) = default;
};

}  // namespace wire_class

template <>
struct brood::Codec<wire_class::Celsius> {
  static void encode(Writer& to, const wire_class::Celsius& c) { to.value(c.degrees()); }
  static wire_class::Celsius decode(Reader& from) { return wire_class::Celsius(from.value<double>()); }
};
template <>
struct brood::Codec<wire_class::MoveOnly> {
  static void encode(Writer& to, const wire_class::MoveOnly& m) { to.value(m.n()); }
  static wire_class::MoveOnly decode(Reader& from) { return wire_class::MoveOnly(from.value<int>()); }
};
template <>
struct brood::Codec<wire_class::Even> {
  static void encode(Writer& to, const wire_class::Even& e) { to.value(e.n()); }
  static wire_class::Even decode(Reader& from) {
    const int n = from.value<int>();
    if (n % 2 != 0) throw DecodeError("odd");
    return wire_class::Even(n);
  }
};
template <>
inline constexpr bool brood::bitwise<wire_class::Matrix> = true;
template <>
inline constexpr bool brood::bitwise<wire_class::Packet> = true;

namespace wire_class {
namespace {

using wire_support::bytes_of;
using wire_support::there_and_back;
using wire_support::value_of;

TEST(WireClass, aggregate_travels_by_reflection) {
  EXPECT_EQ(there_and_back(Point{3, 4.5}), (Point{3, 4.5}));
  EXPECT_EQ(there_and_back(Bools{}), Bools{});
  EXPECT_EQ(there_and_back(std::vector<Bools>(5)), std::vector<Bools>(5));
  const Many many{1,  2,  3,  4,  5,  6,  7,  8,   9,   10,  11,  12,  13,
                  14, 15, 16, 17, 18, 19, 20, "u", "v", "w", "x", "y", "z"};
  EXPECT_EQ(there_and_back(many), many);
}

TEST(WireClass, nested_aggregates_travel) {
  Scene scene;
  scene.name = "room";
  scene.points = {{1, 2}, {3, 4}};
  scene.lights["lamp"] = {{5, 6}, "red", {}};
  scene.lights["sun"] = {};
  scene.main = Scene::Light{{7, 8}, std::nullopt, {}};
  EXPECT_EQ(there_and_back(scene), scene);
}

TEST(WireClass, without_fields_travels) {
  EXPECT_EQ(there_and_back(Empty{}), Empty{});
  EXPECT_EQ(there_and_back(std::vector<Empty>(3)).size(), 3U);
  EXPECT_EQ(there_and_back(std::pair<Empty, int>({}, 3)).second, 3);
}

TEST(WireClass, linked_by_unique_ptr_travels) {
  Node first{1, std::make_unique<Node>(Node{2, std::make_unique<Node>(Node{3, nullptr})})};
  const Node copy = there_and_back(first);
  EXPECT_EQ(copy.value, 1);
  EXPECT_EQ(copy.next->value, 2);
  EXPECT_EQ(copy.next->next->value, 3);
  EXPECT_EQ(copy.next->next->next, nullptr);
}

TEST(WireClass, that_contains_itself_in_a_vector_travels) {
  const Tree tree{"root", {{"left", {{"leaf", {}}}}, {"right", {}}}};
  EXPECT_EQ(there_and_back(tree), tree);
}

TEST(WireClass, with_constant_fields_travels) {
  const Constants constants{7, "text"};
  const auto copy = there_and_back(constants);
  EXPECT_EQ(copy.number, 7);
  EXPECT_EQ(copy.text, "text");
}

TEST(WireClass, without_default_constructor_travels_by_its_codec) {
  EXPECT_EQ(there_and_back(Celsius(21.5)), Celsius(21.5));
  const Reading reading{Celsius(1), {Celsius(2), Celsius(3)}};
  EXPECT_EQ(there_and_back(reading), reading);
  const std::map<int, Celsius> by_day = {{1, Celsius(4)}};
  EXPECT_EQ(there_and_back(by_day), by_day);
  const std::variant<Celsius, int> either = Celsius(5);
  EXPECT_EQ(there_and_back(either), either);
}

TEST(WireClass, opted_in_travels_as_its_bytes) {
  EXPECT_EQ(there_and_back(Matrix(2)), Matrix(2));
  EXPECT_EQ(bytes_of(Matrix(2)).size(), sizeof(Matrix));
  const auto packet = there_and_back(Packet{{'a', 'b', 'c', 'd'}, 5});
  EXPECT_EQ(std::string(packet.head, 4), "abcd");
  EXPECT_EQ(packet.body, 5);
}

TEST(WireClass, that_can_only_be_moved_travels) {
  Parcel parcel{std::make_unique<std::string>("text"), MoveOnly(4)};
  const Parcel copy = there_and_back(parcel);
  EXPECT_EQ(*copy.text, "text");
  EXPECT_EQ(copy.content.n(), 4);
  std::vector<MoveOnly> several;
  several.emplace_back(1);
  several.emplace_back(2);
  EXPECT_EQ(there_and_back(several).at(1).n(), 2);
  std::optional<MoveOnly> maybe(MoveOnly(3));
  EXPECT_EQ(there_and_back(maybe)->n(), 3);
}

TEST(WireClass, codec_may_refuse_what_arrived) {
  EXPECT_EQ(there_and_back(Even(4)).n(), 4);
  EXPECT_THROW(value_of<Even>(bytes_of(3)), brood::DecodeError);
  EXPECT_THROW(value_of<std::vector<Even>>(bytes_of(std::vector<int>{2, 4, 5})), brood::DecodeError);
}

// ---- depth ----

// Taken apart from the front: the destructor of a long chain would recurse.
void take_apart(std::unique_ptr<Node> list) {
  while (list) list = std::move(list->next);
}

std::unique_ptr<Node> chain(int length) {
  std::unique_ptr<Node> list;
  for (int i = 0; i < length; ++i) {
    auto front = std::make_unique<Node>();
    front->value = i;
    front->next = std::move(list);
    list = std::move(front);
  }
  return list;
}

TEST(WireDepth, of_a_long_list_of_unique_ptr_is_an_error_when_it_is_sent) {  // X08
  auto list = chain(1'000'000);
  brood::Writer writer(nullptr, 0);
  EXPECT_THROW(writer.value(list), brood::UsageError);
  take_apart(std::move(list));
}

TEST(WireDepth, of_a_long_list_of_unique_ptr_is_an_error_when_it_arrives) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 1'000'000; ++i) {
    bytes.push_back(std::byte{1});  // there is one
    bytes.resize(bytes.size() + sizeof(int));
  }
  EXPECT_THROW(value_of<std::unique_ptr<Node>>(bytes), brood::DecodeError);
}

TEST(WireDepth, that_can_be_sent_can_arrive) {
  int longest = 0;
  for (int n = 1; n < 2 * brood::max_depth; ++n) {
    const auto list = chain(n);
    try {
      const auto bytes = bytes_of(list);
      EXPECT_NE(value_of<std::unique_ptr<Node>>(bytes), nullptr);
      longest = n;
    } catch (const brood::UsageError&) {
      break;
    }
  }
  EXPECT_GE(longest, brood::max_depth / 4);
  EXPECT_LT(longest, 2 * brood::max_depth);
}

TEST(WireDepth, of_a_tree_counts_its_height_and_not_its_size) {
  Tree wide{"root", std::vector<Tree>(5000, Tree{"leaf", {}})};
  EXPECT_EQ(there_and_back(wide), wide);
}

TEST(WireDepth, is_free_again_after_an_error) {
  const auto list = chain(1000);
  brood::Writer writer(nullptr, 0);
  for (int i = 0; i < 3; ++i) EXPECT_THROW(writer.value(list), brood::UsageError);
  writer.value(Tree{"still", {{"works", {}}}});
}

}  // namespace
}  // namespace wire_class
