#include <brood/brood.hpp>
#include <cstdio>
#include <stdexcept>

[[gnu::noinline]] int the_function_that_throws(int i) {
  if (i == 4) throw std::out_of_range("four");
  return i;
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Pool pool(2);
  brood::Queue<int> queue;
  brood::Process process([](brood::Queue<int> q) { q.put(1); }, queue);
  process.start();
  int sum = queue.get();
  for (const int n : pool.map([](int i) { return i * i; }, std::vector{1, 2, 3})) sum += n;
  std::printf("consumer: %d\n", sum);
  try {
    pool.apply(the_function_that_throws, 4);
  } catch (const std::out_of_range& e) {
    const auto* remote = dynamic_cast<const brood::RemoteTrace*>(&e);
    std::printf("%s", remote == nullptr ? "no trace\n" : remote->remote_trace().c_str());
  }
}
