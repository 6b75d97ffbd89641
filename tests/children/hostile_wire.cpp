// Valid messages cut short and changed in every byte: decoding gives a value or throws DecodeError, and asks
// for no more memory than the message accounts for. Prints what it found; the exit code is the number of
// mistakes.

#include <bitset>
#include <brood/codec.hpp>
#include <chrono>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

namespace {

std::size_t asked_for = 0;
std::size_t largest = 0;

void* counted(std::size_t n) {
  asked_for += n;
  largest = largest < n ? n : largest;
  if (void* at = std::malloc(n == 0 ? 1 : n)) return at;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t n) { return counted(n); }
void* operator new[](std::size_t n) { return counted(n); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }

namespace hostile {

enum class Colour : std::uint8_t { red, green };
enum Loose { one, two, three };

struct Empty {};
struct Inner {
  bool flag = true;
  char letter = 'a';
  std::optional<std::string> text = "inner text that is long enough for the heap";
  Colour colour = Colour::green;
  Loose loose = two;
};
struct Everything {
  int number = 1;
  Inner inner;
  std::vector<Inner> inners = std::vector<Inner>(3);
  std::map<std::string, std::vector<int>> map;
  std::variant<std::monostate, int, std::string, std::vector<std::string>> variant = "in a variant";
  std::unique_ptr<Everything> next;
  std::bitset<20> bits;
  std::filesystem::path path = "/tmp/x";
  std::chrono::milliseconds time{5};
};
struct Tree {
  std::vector<Tree> branches;
};
struct Node {
  std::unique_ptr<Node> next;
};

class Even {
 public:
  explicit Even(int n) : n_(n) {}
  int n() const { return n_; }

 private:
  int n_;
};

}  // namespace hostile

template <>
struct brood::Codec<hostile::Even> {
  static void encode(Writer& to, const hostile::Even& e) { to.value(e.n()); }
  static hostile::Even decode(Reader& from) {
    const int n = from.value<int>();
    if (n % 2 != 0) throw DecodeError("odd");
    return hostile::Even(n);
  }
};

namespace {

int mistakes = 0;
int decoded = 0;
int refused = 0;

void mistake(const char* type, const char* what, std::size_t size) {
  std::printf("%s: %s (a message of %zu bytes)\n", type, what, size);
  ++mistakes;
}

template <class T>
void look(const char* type, const std::vector<std::byte>& bytes, std::size_t node) {
  asked_for = largest = 0;
  try {
    static_cast<void>(brood::detail::decode_all<T>(bytes.data(), bytes.size()));
    ++decoded;
  } catch (const brood::DecodeError&) {
    ++refused;
  } catch (const std::exception& e) {
    mistake(type, e.what(), bytes.size());
  }
  // Each byte of a message may stand for one element, whose node in the heap is of that size; growing doubles
  // it. The rest is the error's text.
  const std::size_t bound = 4 * node * bytes.size() + 4096;
  if (asked_for > bound) {
    std::printf("%s: %zu bytes asked for, %zu at once\n", type, asked_for, largest);
    mistake(type, "asks for too much memory", bytes.size());
  }
}

template <class T>
void attack(const char* type, const T& value, std::size_t node = 64) {
  brood::Writer measure(nullptr, 0);
  measure.value(value);
  std::vector<std::byte> valid(measure.written());
  brood::Writer writer(valid.data(), valid.size());
  writer.value(value);
  static_cast<void>(brood::detail::decode_all<T>(valid.data(), valid.size()));

  for (std::size_t n = 0; n < valid.size(); ++n) {
    // A block of exactly that length: a sanitizer sees every byte read beyond it.
    look<T>(type, std::vector<std::byte>(valid.begin(), valid.begin() + static_cast<std::ptrdiff_t>(n)),
            node);
  }
  for (std::size_t i = 0; i < valid.size(); ++i) {
    for (const int change : {0x01, 0x02, 0x40, 0x80, 0xff}) {
      auto bytes = valid;
      bytes[i] ^= static_cast<std::byte>(change);
      look<T>(type, bytes, node);
    }
  }
  // Noise, always the same.
  std::uint32_t state = 12345;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(round));
    for (auto& byte : bytes) {
      state = state * 1664525 + 1013904223;
      // Small numbers more often than large ones: lengths and flags that are believed.
      byte = static_cast<std::byte>((state >> 24) % ((state >> 16) % 3 == 0 ? 256 : 3));
    }
    look<T>(type, bytes, node);
  }
}

}  // namespace

#define ATTACK(type, ...) attack<type>(#type, __VA_ARGS__)

int main() {
  using namespace hostile;
  using Pairs = std::vector<std::pair<char, double>>;
  using Texts = std::map<std::string, std::map<int, std::string>>;
  using Choice = std::variant<int, std::string, std::vector<std::string>>;
  using Lists = std::list<std::forward_list<int>>;
  using Hashed = std::unordered_map<std::string, std::vector<int>>;
  using Array = std::array<std::string, 3>;
  using LongArray = std::array<std::string, 80>;
  using Mixed = std::tuple<int, std::string, std::optional<std::vector<bool>>>;
  ATTACK(int, 5);
  ATTACK(bool, true);
  ATTACK(Colour, Colour::green);
  ATTACK(Loose, two);
  ATTACK(std::vector<Loose>, {one, two, three});
  ATTACK(std::string, "some text");
  ATTACK(std::u32string, U"some text");
  ATTACK(std::filesystem::path, "/some/path");
  ATTACK(std::vector<double>, {1, 2, 3});
  ATTACK(std::vector<bool>, {true, false, true});
  ATTACK(std::vector<std::string>, {"one", "two", "three"});
  ATTACK(std::vector<Empty>, std::vector<Empty>(20));
  ATTACK(std::vector<std::monostate>, std::vector<std::monostate>(20));
  ATTACK(std::deque<std::string>, {"one", "two"}, 1024);  // an empty deque takes half a KiB
  ATTACK(std::set<int>, {1, 2, 3});
  ATTACK(std::multiset<std::string>, {"a", "a", "b"});
  ATTACK(std::bitset<40>, std::bitset<40>(0x5555));
  ATTACK(std::complex<double>, {1, 2});
  ATTACK(std::chrono::nanoseconds, std::chrono::nanoseconds(7));
  ATTACK(std::optional<std::string>, "text");
  ATTACK(std::unique_ptr<std::string>, std::make_unique<std::string>("text"));
  ATTACK(std::vector<Even>, {Even(2), Even(4)});
  ATTACK(Pairs, {{'a', 1}, {'b', 2}});
  ATTACK(Texts, {{"a", {{1, "x"}, {2, "y"}}}, {"b", {}}}, 128);
  ATTACK(Choice, std::vector<std::string>{"a", "b"});
  ATTACK(std::vector<Choice>, {Choice(1), Choice("text")});
  ATTACK(Lists, {{1, 2}, {3}});
  ATTACK(Hashed, {{"a", {1, 2}}, {"b", {3}}}, 128);
  ATTACK(Array, {"a", "b", "c"});
  ATTACK(LongArray, {"a", "b", "c"});
  ATTACK(Mixed, {1, "text", std::vector<bool>{true, false}});
  Everything all;
  all.map = {{"key", {1, 2, 3}}};
  all.next = std::make_unique<Everything>();
  ATTACK(Everything, all, sizeof(Everything));
  Tree tree{std::vector<Tree>(3)};
  tree.branches[1].branches.resize(2);
  ATTACK(Tree, tree);
  ATTACK(Node, Node{std::make_unique<Node>(Node{std::make_unique<Node>()})});
  std::printf("%d decoded, %d refused, %d mistakes\n", decoded, refused, mistakes);
  return mistakes == 0 ? 0 : 1;
}
