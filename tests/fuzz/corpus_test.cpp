// What fuzzing has found worth keeping, once more: neither a crash nor a sanitizer's word.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "targets.hpp"

namespace {

class FuzzCorpus : public testing::TestWithParam<fuzz::Target> {};
INSTANTIATE_TEST_SUITE_P(of, FuzzCorpus, testing::ValuesIn(fuzz::targets),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(FuzzCorpus, is_read_without_harm) {
  int files = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(BROOD_CORPUS) / GetParam().name)) {
    SCOPED_TRACE(file.path());
    std::ifstream in(file.path(), std::ios::binary);
    const std::vector<char> bytes(std::istreambuf_iterator<char>(in), {});
    GetParam().run(std::as_bytes(std::span(bytes)));
    ++files;
  }
  std::printf("%d inputs\n", files);
  EXPECT_GE(files, 10);
}

}  // namespace

void PrintTo(const fuzz::Target& target, std::ostream* out) { *out << target.name; }
