// Keyword arguments with defaults of every kind.
#include <brood/brood.hpp>
#include <map>
#include <string>
#include <vector>

struct Options {
  std::string name = "x";
  std::vector<std::string> words = {"one", "two"};
  std::vector<int> numbers = {1, 2};
  std::map<std::string, int> counts = {{"a", 1}};
  std::optional<double> limit = 2.5;
};
void work(Options);
void test() { brood::Process process(work, Options{.name = "y"}); }
