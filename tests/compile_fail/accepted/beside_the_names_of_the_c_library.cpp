// With `using namespace brood` the functions of the C library keep their names.
#include <signal.h>
#include <unistd.h>

#include <brood/brood.hpp>

using namespace brood;

void test(Future<int>& future) {
  kill(getpid(), 0);
  future.cancel(CancelMode::kill);
}
