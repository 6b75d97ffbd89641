// Queues: a party is killed, or stands still, inside put, get or close. Books: every value that others put
// arrives once, whole; of the party's own at most the one that it had in its hands is missing, and none when
// its put had returned.

#include <sys/wait.h>

#include <array>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <optional>
#include <set>
#include <type_traits>
#include <vector>

#include "nothing_left.hpp"
#include "scenario.hpp"

namespace points {

// Notes: what the party has come to.
enum : std::size_t { put_returned = 0, got = 1, torn = 2, reader_got = 3, decoded = 4, seen = 32 };

/// Tells when the party has read it: until then it must not be lost.
struct Text : std::string {
  explicit Text(std::string text) : std::string(std::move(text)) {}
  static inline bool in_party = false;
};

}  // namespace points

template <>
struct brood::Codec<points::Text> {
  static void encode(Writer& to, const points::Text& text) {
    to.value(static_cast<const std::string&>(text));
  }
  static points::Text decode(Reader& from) {
    points::Text text(from.value<std::string>());
    if (points::Text::in_party) points::note(points::decoded).store(1);
    return text;
  }
};

namespace points {
namespace {

using Texts = brood::Queue<Text>;

/// Of one size and small: as long as one thread alone puts such values, they lie in the ring itself.
struct Small {
  std::int64_t number = 0;
  std::array<std::int64_t, 5> again{};
};
using Smalls = brood::Queue<Small>;

template <class V>
V made(int number, std::size_t size) {
  if constexpr (std::is_same_v<V, Small>) {
    Small small{number, {}};
    small.again.fill(number);
    return small;
  } else {
    return V(body(number, size));
  }
}
int number_of(const Small& small) {
  for (const auto again : small.again) {
    if (again != small.number) return -1;
  }
  return static_cast<int>(small.number);
}
using points::number_of;

constexpr int own = 1;  // the number of the party's value
constexpr int later = 2;

/// What has arrived, and what was sent.
class Ledger {
 public:
  explicit Ledger(Books& books) : books_(books) {}
  void sent(int number) { sent_.insert(number); }
  template <class V>
  void put(brood::Queue<V>& queue, int number, std::size_t size) {
    queue.put(made<V>(number, size), Books::patience());
    sent(number);
  }
  void arrived(int number) {
    books_.check(number >= 0, "a value is not whole");
    books_.check(arrived_.insert(number).second, "value " + std::to_string(number) + " arrives twice");
  }
  template <class V>
  void drain(brood::Queue<V>& queue) {
    while (auto value = queue.try_get()) arrived(number_of(*value));
  }
  /// All that was sent is here, but for so many; `maybe` may be here or not.
  void close(std::size_t may_be_missing, std::optional<int> maybe = {}) {
    std::size_t missing = 0;
    for (const int number : sent_) missing += !arrived_.contains(number);
    books_.check(missing <= may_be_missing, std::to_string(missing) + " values are missing, " +
                                                std::to_string(may_be_missing) + " may be");
    for (const int number : arrived_) {
      books_.check(sent_.contains(number) || number == maybe,
                   "value " + std::to_string(number) + " was never sent");
    }
  }

 private:
  Books& books_;
  std::set<int> sent_, arrived_;
};

template <class V>
void put_from_child(brood::Queue<V> queue, int number, std::uint64_t size, int puts_before) {
  const auto value = made<V>(number, size);
  for (int i = 0; i < puts_before; ++i) queue.put(made<V>(1000 + i, size));
  begin();
  queue.put(value);
  end();
  note(put_returned).store(1);
}

template <class V>
void get_in_child(brood::Queue<V> queue) {
  Text::in_party = true;
  begin();
  const auto value = queue.get();
  end();
  const int number = number_of(value);
  note(number < 0 ? torn : got).store(number < 0 ? 1 : static_cast<std::uint32_t>(number));
}

// Others use the queue as if nothing had happened: this process and a fresh one.
template <class V>
void still_works(Books& books, brood::Queue<V>& queue) {
  books.quietly([&] {
    queue.put(made<V>(7, 30), Books::patience());
    books.check(number_of(queue.get(Books::patience())) == 7, "the queue gives something else than was put");
    brood::Process writer([](brood::Queue<V> q) { q.put(made<V>(8, 100)); }, queue);
    writer.start();
    books.check(number_of(queue.get(Books::patience())) == 8,
                "the queue gives something else than a new writer put");
    books.check(writer.join(Books::patience()), "a new writer hangs");
  });
}

void join(Books& books, brood::Process& party) {
  books.check(party.join(Books::patience()), "the party does not end");
}

struct Shape {
  std::size_t size;         // of the party's value
  int max_size = 0;         // of the queue
  int before = 0;           // values that are in it already
  int taken_before = 0;     // and of these already gone
  std::size_t others = 12;  // size of their values
  int own_before = 0;       // values that the party has put already
};

template <class V = Text>
void put(Books& books, Shape shape) {
  brood::Queue<V> queue(shape.max_size);
  Ledger ledger(books);
  for (int i = 0; i < shape.before; ++i) ledger.put(queue, 100 + i, shape.others);
  for (int i = 0; i < shape.taken_before; ++i) ledger.arrived(number_of(queue.get(Books::patience())));
  for (int i = 0; i < shape.own_before; ++i) ledger.sent(1000 + i);
  brood::Process party(put_from_child<V>, queue, own, shape.size, shape.own_before);
  party.start();
  const bool full = shape.max_size != 0 && shape.before - shape.taken_before >= shape.max_size;
  books.others(*party.pid(), [&] {
    books.quietly([&] {
      if (full) return ledger.arrived(number_of(queue.get(Books::patience())));
      ledger.put(queue, 50, shape.others);
      ledger.arrived(number_of(queue.get(Books::patience())));
    });
  });
  join(books, party);
  ledger.drain(queue);
  if (note(put_returned).load() != 0) ledger.sent(own);
  ledger.close(0, own);
  if (!books.killed()) books.check(note(put_returned).load() == 1, "put has not returned");
  still_works(books, queue);
}

void put_first(Books& books) { put(books, {.size = 12}); }
void put_more(Books& books) { put(books, {.size = 12, .before = 3, .taken_before = 1}); }
void put_kilobyte(Books& books) { put(books, {.size = 900}); }
void put_run(Books& books) { put(books, {.size = 100'000}); }
void put_bounded(Books& books) { put(books, {.size = 12, .max_size = 4, .before = 2}); }
void put_full(Books& books) { put(books, {.size = 12, .max_size = 2, .before = 2}); }
void put_seam(Books& books) { put(books, {.size = 12, .before = 4095}); }
void put_small(Books& books) { put<Small>(books, {.size = 0}); }
void put_small_again(Books& books) { put<Small>(books, {.size = 0, .own_before = 3}); }
void put_small_second(Books& books) { put<Small>(books, {.size = 0, .before = 3, .taken_before = 1}); }
void put_small_bounded(Books& books) { put<Small>(books, {.size = 0, .max_size = 4, .before = 2}); }
void put_small_full(Books& books) { put<Small>(books, {.size = 0, .max_size = 2, .before = 2}); }
void put_small_seam(Books& books) { put<Small>(books, {.size = 0, .own_before = 255}); }
void put_group(Books& books) { put(books, {.size = 20'000, .before = 2, .others = 20'000}); }

template <class V = Text>
void get(Books& books, Shape shape, int values) {
  brood::Queue<V> queue(shape.max_size);
  Ledger ledger(books);
  for (int i = 0; i < shape.before; ++i) ledger.put(queue, 100 + i, shape.size);
  for (int i = 0; i < shape.taken_before; ++i) ledger.arrived(number_of(queue.get(Books::patience())));
  brood::Process party(get_in_child<V>, queue);
  party.start();
  books.others(*party.pid(), [&] {
    books.quietly([&] {
      for (int i = 0; i < values; ++i) {
        // What a dead reader had in its hands may come back at any time and fill the queue again.
        while (!queue.try_put(made<V>(20'000 + i, shape.size))) {
          if (auto value = queue.try_get()) ledger.arrived(number_of(*value));
        }
        ledger.sent(20'000 + i);
      }
    });
  });
  join(books, party);
  books.check(note(torn).load() == 0, "the reader gets a value that is not whole");
  if (note(got).load() != 0) ledger.arrived(static_cast<int>(note(got).load()));
  ledger.drain(queue);
  // Of a small one nobody can tell when it has been read.
  const bool may_have_it = std::is_same_v<V, Small> || note(decoded).load() != 0;
  ledger.close(books.killed() && note(got).load() == 0 && may_have_it ? 1 : 0);
  still_works(books, queue);
}

void get_ready(Books& books) { get(books, {.size = 12, .before = 3}, 0); }
void get_waiting(Books& books) { get(books, {.size = 12}, 2); }
void get_run(Books& books) { get(books, {.size = 100'000, .before = 2}, 0); }
void get_large_waiting(Books& books) { get(books, {.size = 20'000}, 5); }
void get_bounded(Books& books) { get(books, {.size = 12, .max_size = 2, .before = 2}, 1); }
void get_seam(Books& books) { get(books, {.size = 12, .before = 4097, .taken_before = 4095}, 1); }

void get_small(Books& books) { get<Small>(books, {.size = 0, .before = 3}, 0); }
void get_small_waiting(Books& books) { get<Small>(books, {.size = 0}, 2); }
void get_small_bounded(Books& books) { get<Small>(books, {.size = 0, .max_size = 2, .before = 2}, 1); }
void get_small_seam(Books& books) { get<Small>(books, {.size = 0, .before = 257, .taken_before = 255}, 1); }
// While the party stands, cells are used again and again, lap after lap: it must not believe what it has
// read.
void get_small_reused(Books& books) { get<Small>(books, {.size = 0, .max_size = 3, .before = 3}, 600); }

// While the party stands, blocks are used again and again: none may be the one that it reads.
void get_while_reused(Books& books) { get(books, {.size = 20'000, .max_size = 3, .before = 3}, 8); }

// ---- a peer waits: its wake-up is owed by somebody who can die

template <class V>
void read_one(brood::Queue<V> queue) {
  const int number = number_of(queue.get());
  note(reader_got).store(number < 0 ? 999U : static_cast<std::uint32_t>(number));
}

template <class V>
void put_to_sleeper(Books& books) {
  brood::Queue<V> queue;
  Ledger ledger(books);
  brood::Process reader(read_one<V>, queue);
  reader.start();
  nothing_left::asleep(*reader.pid());
  brood::Process party(put_from_child<V>, queue, own, std::uint64_t{12}, 0);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  // A value that is in the queue wakes the reader, though who put it may have died before it could.
  books.check(nothing_left::soon([&] { return queue.empty(); }, Books::patience()),
              "a value lies in the queue while a reader sleeps");
  if (note(put_returned).load() != 0) ledger.sent(own);
  ledger.put(queue, later, 12);
  books.check(reader.join(Books::patience()), "the reader hangs");
  ledger.arrived(static_cast<int>(note(reader_got).load()));
  ledger.drain(queue);
  ledger.close(0, own);
  still_works(books, queue);
}

// A writer waits for room that the party makes.
void get_from_full(Books& books) {
  Texts queue(1);
  Ledger ledger(books);
  ledger.put(queue, 100, 12);
  brood::Process writer([](Texts q) { q.put(Text(body(101, 12))); }, queue);
  writer.start();
  ledger.sent(101);
  nothing_left::asleep(*writer.pid());
  brood::Process party(get_in_child<Text>, queue);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  if (note(got).load() != 0) ledger.arrived(static_cast<int>(note(got).load()));
  // The writer gets through, at the latest when this one has taken what the dead had not.
  if (!writer.join(100ms)) {
    books.check(queue.full(), "there is room in the queue while a writer sleeps");
    books.quietly([&] { ledger.arrived(number_of(queue.get(Books::patience()))); });
    books.check(writer.join(Books::patience()), "the writer hangs");
  }
  ledger.drain(queue);
  ledger.close(books.killed() && note(got).load() == 0 && note(decoded).load() != 0 ? 1 : 0);
  still_works(books, queue);
}

// ---- several on both sides

constexpr int values_each = 12;

void write_many(Texts queue, int first, bool party) {
  for (int i = 0; i < values_each; ++i) {
    const Text text(body(first + i, i % 3 == 2 ? 2000 : 12));
    if (party && i == 3) begin();
    queue.put(text);
    if (party && i == 5) end();
    note(seen + 64 + static_cast<std::size_t>(first + i)).store(1);
  }
}

void read_many(Texts queue, int party) {
  for (int i = 0;; ++i) {
    if (party != 0 && i == 2) begin();
    std::string text;
    try {
      text = queue.get();
    } catch (const brood::Closed&) {
      return;
    }
    if (party != 0 && i == 4) end();
    const int number = number_of(text);
    note(number < 0 ? std::size_t{torn} : seen + static_cast<std::size_t>(number)).fetch_add(1);
  }
}

void many(Books& books, bool writer_is_party) {
  Texts queue(5);
  std::vector<brood::Process> writers, readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(read_many, queue, int{!writer_is_party && i == 0});
  for (int i = 0; i < 2; ++i) writers.emplace_back(write_many, queue, 16 * i, writer_is_party && i == 0);
  for (auto& each : readers) each.start();
  for (auto& each : writers) each.start();
  for (auto& each : writers) books.check(each.join(Books::patience()), "a writer hangs");
  for (auto& each : readers) static_cast<void>(each.is_alive());  // a dead one is buried here at the latest
  queue.close();
  for (auto& each : readers) books.check(each.join(Books::patience()), "a reader hangs");
  // What a dead reader had in its hands is there again.
  while (auto text = queue.try_get()) {
    const int number = number_of(*text);
    note(number < 0 ? std::size_t{torn} : seen + static_cast<std::size_t>(number)).fetch_add(1);
  }
  std::size_t missing = 0;
  for (int w = 0; w < 2; ++w) {
    for (int i = 0; i < values_each; ++i) {
      const auto number = static_cast<std::size_t>(16 * w + i);
      const auto times = note(seen + number).load();
      books.check(times <= 1, "value " + std::to_string(number) + " arrives twice");
      const bool must = w == 1 || !writer_is_party || note(seen + 64 + number).load() != 0 || !books.killed();
      missing += must && times == 0;
    }
  }
  books.check(missing <= (books.killed() && !writer_is_party ? 1U : 0U),
              std::to_string(missing) + " values are missing");
  books.check(note(torn).load() == 0, "a value is not whole");
}

void many_writer(Books& books) { many(books, true); }
void many_reader(Books& books) { many(books, false); }

// ---- values that name queues

using Named = brood::Queue<Texts>;

void put_names(Books& books) {
  Named outer;
  Texts inner;
  inner.put(Text(body(5, 12)));
  brood::Process party(
      [](Named to, Texts what) {
        begin();
        to.put(what);
        end();
        note(put_returned).store(1);
      },
      outer, inner);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  books.quietly([&] {
    if (auto arrived = outer.try_get()) {
      arrived->put(Text(body(6, 12)));
      books.check(inner.qsize() == 2, "the queue that arrived is another one");
    } else {
      books.check(note(put_returned).load() == 0, "a value is lost whose put has returned");
    }
    books.check(number_of(inner.get(Books::patience())) == 5, "a queue that was sent has lost its value");
    books.check(brood::arena::run_begins_at(brood::Codec<Texts>::object_of(inner)),
                "a queue is gone that somebody has");
  });
}

void get_names(Books& books) {
  Named outer;
  Texts inner;
  outer.put(inner);
  brood::Process party(
      [](Named from) {
        begin();
        {
          Texts arrived = from.get();
          arrived.put(Text(body(6, 12)));
        }
        end();
      },
      outer);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  books.quietly([&] {
    if (auto arrived = outer.try_get()) {
      books.check(books.killed(), "a value arrives twice");
      arrived->put(Text(body(6, 12)));
    }
    inner.put(Text(body(7, 12)));
    int last = 0;
    while (auto text = inner.try_get()) last = number_of(*text);
    books.check(last == 7, "a queue that was sent does not work any more");
  });
}

void close_queue(Books& books) {
  Texts queue;
  Ledger ledger(books);
  ledger.put(queue, 100, 12);
  brood::Process party(
      [](Texts q) {
        begin();
        q.close();
        end();
      },
      queue);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  queue.close();
  ledger.drain(queue);
  ledger.close(0);
  bool closed = false;
  try {
    queue.get(Books::patience());
  } catch (const brood::Closed&) {
    closed = true;
  }
  books.check(closed, "a closed queue does not say so");
}

void make_queue(Books& books) {
  brood::Process party([] {
    begin();
    {
      Texts queue(2);
      queue.put(Text("x"));
    }
    end();
  });
  party.start();
  books.await_end_of_stepping();
  join(books, party);
}

// The last of a queue whose values name others, some of them held by nobody else.
void drop_names(Books& books) {
  Texts known;
  brood::Process party(
      [](Texts shared) {
        begin();
        {
          Named outer;
          outer.put(shared);
          outer.put(Texts());
          Texts mine;
          outer.put(mine);
          outer.put(shared);
        }
        end();
      },
      known);
  party.start();
  books.await_end_of_stepping();
  join(books, party);
  books.quietly([&] {
    known.put(Text(body(5, 12)));
    books.check(number_of(known.get(Books::patience())) == 5,
                "a queue that others name does not work any more");
  });
}

void hold_and_die() {
  Named with_names;
  Texts mine;
  with_names.put(mine);
  with_names.put(Texts());
  const auto taken = with_names.get();
  raise(SIGKILL);
}

// A process is killed while it buries its child: whoever buries it does that again.
void bury_child(Books& books) {
  // The child is given nothing: else a thread of its parent's would watch for its end.
  brood::Process party({.nests = true}, [] {
    brood::Process child(hold_and_die);
    child.start();
    siginfo_t info{};
    wait_for([&] { return child.pid().has_value(); }, Books::patience());
    waitid(P_PID, static_cast<id_t>(child.pid().value_or(0)), &info, WEXITED | WNOWAIT | __WALL);
    begin();
    child.join();
    end();
  });
  party.start();
  books.await_end_of_stepping();
  join(books, party);
}

constexpr Scenario all[] = {
    {"queue_put_first", Mode::kill, put_first},
    {"queue_put_more", Mode::kill, put_more},
    {"queue_put_more_stopped", Mode::stop_kill, put_more},
    {"queue_put_kilobyte", Mode::kill, put_kilobyte},
    {"queue_put_run", Mode::kill, put_run},
    {"queue_put_bounded", Mode::kill, put_bounded},
    {"queue_put_full", Mode::kill, put_full},
    {"queue_put_full_goes_on", Mode::stop_go, put_full},
    {"queue_put_seam", Mode::kill, put_seam},
    {"queue_put_group", Mode::kill, put_group},
    {"queue_put_to_sleeper", Mode::kill, put_to_sleeper<Text>},
    {"queue_put_small", Mode::kill, put_small},
    {"queue_put_small_stopped", Mode::stop_kill, put_small},
    {"queue_put_small_again", Mode::kill, put_small_again},
    {"queue_put_small_goes_on", Mode::stop_go, put_small_again},
    {"queue_put_small_second", Mode::kill, put_small_second},
    {"queue_put_small_bounded", Mode::kill, put_small_bounded},
    {"queue_put_small_full", Mode::kill, put_small_full},
    {"queue_put_small_seam", Mode::kill, put_small_seam},
    {"queue_put_small_to_sleeper", Mode::kill, put_to_sleeper<Small>},
    {"queue_get_small", Mode::kill, get_small},
    {"queue_get_small_waiting", Mode::kill, get_small_waiting},
    {"queue_get_small_bounded", Mode::kill, get_small_bounded},
    {"queue_get_small_seam", Mode::kill, get_small_seam},
    {"queue_get_small_goes_on", Mode::stop_go, get_small_reused},
    {"queue_put_names", Mode::kill, put_names},
    {"queue_get_ready", Mode::kill, get_ready},
    {"queue_get_ready_stopped", Mode::stop_kill, get_ready},
    {"queue_get_waiting", Mode::kill, get_waiting},
    {"queue_get_waiting_goes_on", Mode::stop_go, get_waiting},
    {"queue_get_run", Mode::kill, get_run},
    {"queue_get_large_waiting", Mode::kill, get_large_waiting},
    {"queue_get_bounded", Mode::kill, get_bounded},
    {"queue_get_reused_goes_on", Mode::stop_go, get_while_reused},
    {"queue_get_seam", Mode::kill, get_seam},
    {"queue_get_from_full", Mode::kill, get_from_full},
    {"queue_get_names", Mode::kill, get_names},
    {"queue_many_writer", Mode::kill, many_writer},
    {"queue_many_reader", Mode::kill, many_reader},
    {"queue_close", Mode::kill, close_queue},
    {"queue_make_and_drop", Mode::kill, make_queue},
    {"queue_drop_names", Mode::kill, drop_names},
    {"queue_bury", Mode::kill, bury_child},
};

}  // namespace

std::span<const Scenario> queue_scenarios() { return all; }

}  // namespace points
