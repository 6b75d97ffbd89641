// A function in a process of its own: positional arguments, keyword arguments, name, pid, exit code.
// Prints: main goes on.*warm day.*warm day.*cold night.*exit code 0

#include <unistd.h>

#include <brood/brood.hpp>
#include <cstdio>

struct Weather {  // keyword arguments: an aggregate
  std::string word = "hot";
  int times = 2;
};

void report(Weather weather) {
  for (int i = 0; i < weather.times; ++i) std::printf("%s day\n", weather.word.c_str());
}

void say(std::string word, std::string when) {
  std::printf("%s %s, says process %d, child of %d\n", word.c_str(), when.c_str(), getpid(), getppid());
}

int main(int argc, char** argv) {
  brood::init(argc, argv);  // first line of main

  brood::Process first({.name = "weather"}, report, Weather{.word = "warm"});
  brood::Process second(say, "cold", "night");
  std::puts("main goes on");
  std::fflush(stdout);
  first.start();
  first.join();
  second.start();
  second.join();
  std::printf("%s had pid %d and exit code %d\n", first.name().c_str(), *first.pid(), *first.exitcode());
}
