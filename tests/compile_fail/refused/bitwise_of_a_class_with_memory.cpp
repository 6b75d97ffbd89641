// expects: bitwise<T> was set for a type that is not trivially copyable
#include <brood/brood.hpp>

class Name {
 public:
  explicit Name(std::string text) : text_(text) {}

 private:
  std::string text_;
};
template <>
inline constexpr bool brood::bitwise<Name> = true;
void work(Name);
void test() { brood::Process process(work, Name("x")); }
