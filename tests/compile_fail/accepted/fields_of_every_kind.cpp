// Whatever travels may be a field, constant ones too; and a class whose constructor takes anything.
#include <bitset>
#include <brood/brood.hpp>
#include <complex>
#include <filesystem>
#include <map>

class Greedy {
 public:
  template <class T>
    requires(!std::is_same_v<std::decay_t<T>, Greedy>)
  explicit Greedy(const T&) {}
};
template <>
struct brood::Codec<Greedy> {
  static void encode(Writer& to, const Greedy&) { to.value(1); }
  static Greedy decode(Reader& from) { return Greedy(from.value<int>()); }
};

enum class Colour { red };
struct Inner {
  int a, b;
};
struct Fields {
  const int constant = 1;
  const std::string text;
  char letters;
  Colour colour;
  std::array<int, 3> array;
  std::array<Inner, 2> inners;
  Inner inner;
  std::unique_ptr<Fields> next;
  std::unique_ptr<const Inner> other;
  std::optional<std::optional<int>> maybe;
  std::variant<std::monostate, int, std::string> variant;
  std::tuple<int, std::unique_ptr<int>> tuple;
  std::pair<const int, std::string> pair;
  std::vector<bool> bits;
  std::map<std::string, std::vector<Fields>> below;
  std::filesystem::path path;
  std::chrono::system_clock::time_point time;
  std::complex<float> complex;
  std::bitset<9> set;
  Greedy greedy;
  struct {
  } nothing;
  long double last;
};

void work(Fields);
void encode(brood::Writer& to, const Fields& fields) { to.value(fields); }
Fields decode(brood::Reader& from) { return from.value<Fields>(); }

struct One {
  std::string only;
};
struct Sixty {
  char f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, g0, g1, g2, g3, g4, g5, g6, g7, g8, g9, h0, h1, h2, h3, h4, h5,
      h6, h7, h8, h9, i0, i1, i2, i3, i4, i5, i6, i7, i8, i9, j0, j1, j2, j3, j4, j5, j6, j7, j8, j9, k0, k1,
      k2, k3, k4, k5, k6, k7, k8, k9;
};
One one(brood::Reader& from) { return from.value<One>(); }
Sixty sixty(brood::Reader& from) { return from.value<Sixty>(); }
