#include <brood/brood.hpp>
#include <cstdio>

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(2);
  brood::Queue<int> queue;
  brood::Process process([](brood::Queue<int> q) { q.put(1); }, queue);
  process.start();
  int sum = queue.get();
  for (const int n : pool.map([](int i) { return i * i; }, std::vector{1, 2, 3})) sum += n;
  std::printf("consumer: %d\n", sum);
}
