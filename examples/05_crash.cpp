// Native code that crashes costs one task: its future says what happened, all others have their results.
// Prints: 9 of 10 files parsed.*SIGSEGV.*reading page 4

#include <brood/brood.hpp>
#include <csignal>
#include <cstdio>
#include <ranges>

int parse(int file) {
  if (file == 4) {
    std::fprintf(stderr, "reading page 4\n");
    std::raise(SIGSEGV);  // a wild pointer, a broken codec, a bad plugin
  }
  return file * 100;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(2);
  int parsed = 0;
  std::string failures;
  for (auto&& [file, outcome] : pool.imap(parse, std::views::iota(0, 10)).outcomes()) {
    if (outcome)
      ++parsed;
    else
      failures += "file " + std::to_string(file) + ": " + outcome.error().what();
  }
  std::printf("%d of 10 files parsed\n%s\n", parsed, failures.c_str());
}
