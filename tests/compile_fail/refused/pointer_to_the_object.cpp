// expects: a pointer to an object is passed for the object itself. Pass the object, \*this for this
#include <brood/brood.hpp>

struct App {
  int pages = 0;
  void work(int) {}
  void begin(brood::Pool& pool) { pool.apply_async(&App::work, this, 3); }
};
