// expects: needs an E that is a std::exception and can be made of a std::string, or a specialisation of
#include <brood/brood.hpp>

class NoPage : public std::exception {
 public:
  explicit NoPage(int page) : page_(page) {}

 private:
  int page_;
};
void test() { brood::carry_exception<NoPage>(); }
