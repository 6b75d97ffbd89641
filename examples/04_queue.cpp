// A writer and a reader with a queue between them; the reader, which waits for ever, is terminated, and the
// queue works on. Prints: got f.*reader ended with -15.*still works: yes

#include <unistd.h>

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

void write_letters(brood::Queue<std::string> queue, brood::Queue<int> all_read) {
  for (const char letter : std::string("abcdef")) {
    queue.put(std::string(1, letter));
    usleep(10000);
  }
  all_read.get(10s);  // the reader has the last one
}

void read_letters(brood::Queue<std::string> queue, brood::Queue<int> all_read) {
  for (;;) {
    const std::string value = queue.get();
    std::printf("got %s\n", value.c_str());
    if (value == "f") all_read.put(1);
  }
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Queue<std::string> queue;
  brood::Queue<int> all_read;
  brood::Process writer(write_letters, queue, all_read), reader(read_letters, queue, all_read);
  writer.start();
  reader.start();
  writer.join();
  reader.terminate();  // it waits in get(): in Python this is the end of the queue
  reader.join();
  std::printf("reader ended with %d\n", *reader.exitcode());

  queue.put("still works: yes");
  std::puts(queue.get(1s).c_str());
}
