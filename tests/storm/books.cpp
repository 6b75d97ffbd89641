#include "books.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace storm {
namespace {

Books* the_books = nullptr;

// Gives whole pages back: they read as zero again.
template <class T>
void clear(T* array, std::size_t n) {
  std::memset(static_cast<void*>(array), 0, n * sizeof(T));
}

}  // namespace

void open_books() {
  void* at =
      mmap(nullptr, sizeof(Books), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    std::perror("mmap of the books");
    std::exit(2);
  }
  the_books = static_cast<Books*>(at);  // all zero: nothing has a constructor that does more
}

Books& books() { return *the_books; }

void begin_round(std::uint32_t weather, std::uint32_t ids, std::uint32_t values) {
  auto& b = books();
  b.weather = weather;
  b.writers_stop = 0;
  clear(b.reading, std::min(b.readers.exchange(0), Books::most_readers));
  clear(b.task, ids);
  clear(b.value, values);
  clear(b.taken, values);
  clear(b.killed, Books::most_pids);
}

void note_begun(std::uint32_t id) {
  auto& word = books().task[id];
  word.fetch_add(1);
  word.fetch_or(static_cast<std::uint64_t>(getpid()) << 32);
}
void note_ended(std::uint32_t id) { books().task[id].fetch_add(1 << 8); }
std::uint32_t times_begun(std::uint32_t id) { return books().task[id].load() & 0xff; }

void complain(Trouble trouble, const std::string& text, std::uint64_t times) {
  auto& b = books();
  b.trouble[static_cast<int>(trouble)] += times;
  static const char* const names[] = {"lost", "duplicated", "hung", "leaked", "wrong"};
  const auto at = b.texts.load();
  if (at >= Books::most_texts) return;
  char line[sizeof b.text[0]];
  std::snprintf(line, sizeof line, "%s: %s", names[static_cast<int>(trouble)], text.c_str());
  // Two at once may write over each other's text; the counts are right.
  std::memcpy(b.text[at], line, sizeof line);
  b.texts.store(at + 1);
}

void note_kill(int pid) {
  if (pid > 0 && pid < static_cast<int>(Books::most_pids)) books().killed[pid] = 1;
  ++books().kills;
}
bool was_killed(int pid) {
  return pid > 0 && pid < static_cast<int>(Books::most_pids) && books().killed[pid] != 0;
}

}  // namespace storm
