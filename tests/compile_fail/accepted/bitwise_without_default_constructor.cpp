// Opted in as its bytes, inside containers too.
#include <brood/brood.hpp>

class Matrix {
 public:
  explicit Matrix(float x) : x_(x) {}

 private:
  float x_;
};
template <>
inline constexpr bool brood::bitwise<Matrix> = true;

Matrix one(brood::Reader& from) { return from.value<Matrix>(); }
std::optional<Matrix> maybe(brood::Reader& from) { return from.value<std::optional<Matrix>>(); }
std::vector<Matrix> several(brood::Reader& from) { return from.value<std::vector<Matrix>>(); }
std::array<Matrix, 2> pair(brood::Reader& from) { return from.value<std::array<Matrix, 2>>(); }
