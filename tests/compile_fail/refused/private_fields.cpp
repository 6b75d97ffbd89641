// expects: this class cannot be seen into \(it has constructors, private fields or bases\). Specialise
// brood::Codec<T>
#include <brood/brood.hpp>

class Account {
 public:
  Account() = default;
  int balance() const { return balance_; }

 private:
  int balance_ = 0;
};
void work(Account);
void test() { brood::Process process(work, Account()); }
