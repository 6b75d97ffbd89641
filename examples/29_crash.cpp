// Native code that crashes costs one task: its result says what happened,
// and all others are there.
// Varies: PoolWorker-[0-9]

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
  const auto files = std::views::iota(0, 10);

  int parsed = 0;
  std::string failures;
  for (auto&& [file, outcome] : pool.imap(parse, files).outcomes()) {
    if (outcome)
      ++parsed;
    else
      failures += outcome.error().what();
  }
  std::printf("%d of 10 files parsed\n%s\n", parsed, failures.c_str());
}
