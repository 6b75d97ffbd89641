// Elements are decoded in their place.
#include <brood/brood.hpp>

class Celsius {
 public:
  explicit Celsius(double x) : x_(x) {}
  double x() const { return x_; }

 private:
  double x_;
};
template <>
struct brood::Codec<Celsius> {
  static void encode(Writer& to, const Celsius& c) { to.value(c.x()); }
  static Celsius decode(Reader& from) { return Celsius(from.value<double>()); }
};

std::array<Celsius, 2> pair(brood::Reader& from) { return from.value<std::array<Celsius, 2>>(); }
std::array<Celsius, 100> many(brood::Reader& from) { return from.value<std::array<Celsius, 100>>(); }
