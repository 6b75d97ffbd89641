// brood used by the initialisation of a global: early METHOD FILE. With the variable BROOD_TEST_EARLY the
// initialiser starts a process by that method and notes in the file how it went.

#include "program_support.hpp"

namespace {

void note(const std::string& word) {
  if (const char* file = std::getenv("BROOD_TEST_FILE")) std::ofstream(file, std::ios::app) << word << "\n";
}

const int before_main = [] {
  const char* how = std::getenv("BROOD_TEST_EARLY");
  if (how == nullptr) return 0;
  // However deep that would go, it ends here.
  const char* depth = std::getenv("BROOD_TEST_DEPTH");
  const int level = depth != nullptr ? std::atoi(depth) : 0;
  if (level > 2) {
    note("too deep");
    _exit(99);
  }
  setenv("BROOD_TEST_DEPTH", std::to_string(level + 1).c_str(), 1);
  try {
    brood::Process child({.method = method_of(how)}, [] { std::exit(5); });
    child.start();
    child.join();
    note("initialiser " + std::to_string(child.exitcode().value()));
  } catch (const brood::UsageError& e) {
    note(std::string("refused: ") + e.what());
  }
  return 0;
}();

}  // namespace

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Process child({.method = method_of(argv[1])}, [] { std::exit(6); });
  child.start();
  child.join();
  note("main " + std::to_string(child.exitcode().value()));
  return 0;
}
