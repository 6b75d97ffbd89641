// expects: Argument<2, Size, .*string
#include <brood/brood.hpp>

struct Size {
  int width = 0;
};
int draw(int, std::string);
void test(brood::Pool& pool) { pool.apply(draw, 1, Size{}); }
