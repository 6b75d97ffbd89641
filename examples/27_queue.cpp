// A writer and a reader with a queue between them. The reader, which waits
// for ever, is terminated; the queue works on.
// Order: free

#include <brood/brood.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

using namespace std::chrono_literals;

void say(const std::string& what) {
  const std::time_t now = std::time(nullptr);
  char clock[9];
  std::strftime(clock, sizeof clock, "%H:%M:%S", std::localtime(&now));
  std::printf("%s %s\n", clock, what.c_str());
}

// [tour
void write_letters(brood::Queue<std::string> queue,
                   brood::Queue<int> all_read) {
  for (const char letter : std::string("abcdef")) {
    say(std::string("put ") + letter);
    queue.put(std::string(1, letter));
    std::this_thread::sleep_for(50ms);
  }
  all_read.get(10s);
}

void read_letters(brood::Queue<std::string> queue,
                  brood::Queue<int> all_read) {
  for (;;) {
    const std::string value = queue.get();
    say("got " + value);
    if (value == "f") all_read.put(1);
  }
}

int main(int argc, char** argv) {
  brood::init(argc, argv);
  brood::Queue<std::string> queue;
  brood::Queue<int> all_read;
  brood::Process writer(write_letters, queue, all_read);
  brood::Process reader(read_letters, queue, all_read);
  writer.start();
  reader.start();
  writer.join();
  reader.terminate();  // it waits in get: in Python the end of the queue
  reader.join();
  std::printf("the reader ended with %d\n", *reader.exitcode());

  queue.put("still works: yes");
  std::puts(queue.get(1s).c_str());
  // tour]
}
