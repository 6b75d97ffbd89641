// Pools: workers, the fork server or the program itself are killed, or stand still, in the life of a task, of
// a worker, of a pool. Books: at most the one task fails that the dead worker was running, with WorkerDied;
// every other result is right; no task begins twice.

#include <brood/pool.hpp>
#include <brood/process.hpp>
#include <brood/queue.hpp>
#include <brood/task_errors.hpp>
#include <brood/this_worker.hpp>
#include <thread>
#include <vector>

#include "nothing_left.hpp"
#include "scenario.hpp"

namespace points {
namespace {

// Notes: how often the tasks began; gates; what may be let go.
enum : std::size_t { began = 0, gate = 64, inner = 80 };

void wait_at_gate(std::size_t which) {
  wait_for([&] { return note(gate + which).load() != 0; }, 20s);
}
void open_gate(std::size_t which) {
  note(gate + which).store(1);
  ring();
}

// ---- tasks: the party begins at the end of one and is through at the beginning of another

struct Marks {
  int begin_in = -1, end_in = -1;
};

void enter(int number, Marks marks) {
  if (number == marks.end_in) end();
  note(began + static_cast<std::size_t>(number)).fetch_add(1);
}
void leave(int number, Marks marks) {
  if (number == marks.begin_in) begin();
}

int small(int number, Marks marks) {
  enter(number, marks);
  leave(number, marks);
  return 7 * number + 1;
}
std::string text(int number, Marks marks, std::uint64_t size) {
  enter(number, marks);
  auto result = body(number, size);
  leave(number, marks);
  return result;
}
int measure(int number, Marks marks, std::string argument) {
  enter(number, marks);
  leave(number, marks);
  return number_of(argument);
}
brood::Queue<int> pass_on(int number, Marks marks, brood::Queue<int> queue) {
  enter(number, marks);
  queue.put(number);
  leave(number, marks);
  return queue;
}

// Takes the results, judges them: `right(i, value)`.
template <class R, class Right>
void settle(Books& books, std::vector<brood::Future<R>>& futures, Right right) {
  std::size_t lost = 0;
  for (std::size_t i = 0; i < futures.size(); ++i) {
    const auto name = "task " + std::to_string(i);
    const auto times = [&] { return note(began + i).load(); };
    try {
      const auto value = futures[i].get(Books::patience());
      books.check(right(static_cast<int>(i), value), name + " has a wrong result");
      books.check(times() == 1, name + " has a result, and began " + std::to_string(times()) + " times");
    } catch (const brood::WorkerDied& e) {
      ++lost;
      books.check(e.signal() == SIGKILL, name + ": " + e.what());
      books.check(times() <= 1, name + " began twice");
    } catch (const std::exception& e) {
      books.check(false, name + ": " + e.what());
    }
  }
  books.check(lost <= (books.killed() ? 1 : 0), std::to_string(lost) + " tasks are lost");
}

constexpr int tasks = 4;
constexpr Marks two_tasks{0, 2};

template <class R, class Submit, class Right>
void work(Books& books, Submit submit, Right right) {
  brood::Pool pool(1);
  std::vector<brood::Future<R>> futures;
  for (int i = 0; i < tasks; ++i) futures.push_back(submit(pool, i));
  settle(books, futures, right);
  books.check(pool.apply(small, 60, Marks{}) == 421, "the pool does not work any more");
}

void work_small(Books& books) {
  work<int>(
      books, [](brood::Pool& pool, int i) { return pool.apply_async(small, i, two_tasks); },
      [](int i, int value) { return value == 7 * i + 1; });
}
void work_text(Books& books, std::uint64_t size) {
  work<std::string>(
      books, [&](brood::Pool& pool, int i) { return pool.apply_async(text, i, two_tasks, size); },
      [&](int i, const std::string& value) { return value == body(i, size); });
}
void work_result_in_slot(Books& books) { work_text(books, 150); }
void work_result_in_run(Books& books) { work_text(books, 100'000); }
void work_argument_in_run(Books& books) {
  work<int>(
      books,
      [](brood::Pool& pool, int i) { return pool.apply_async(measure, i, two_tasks, body(i, 100'000)); },
      [](int i, int value) { return value == i; });
}
void work_names(Books& books) {
  brood::Queue<int> queue;
  work<brood::Queue<int>>(
      books, [&](brood::Pool& pool, int i) { return pool.apply_async(pass_on, i, two_tasks, queue); },
      [&](int, const brood::Queue<int>& value) { return value == queue; });
  books.check(queue.qsize() >= tasks - 1, "a queue that was passed on lacks a value");
}

// Two chunks of a map: whatever happens in one each item begins once, and one at most is lost.
template <class Values, class Right>
void settle_chunks(Books& books, Values values, Right right) {
  bool lost = false;
  try {
    const auto all = values();
    for (int i = 0; i < 6; ++i)
      books.check(right(i, all.at(static_cast<std::size_t>(i))), "an item has a wrong result");
  } catch (const brood::WorkerDied& e) {
    lost = true;
    books.check(books.killed() && e.signal() == SIGKILL, e.what());
  }
  std::size_t begun = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto times = note(began + i).load();
    books.check(times <= 1, "item " + std::to_string(i) + " began twice");
    begun += times;
  }
  books.check(begun + (lost ? 1 : 0) >= 6, "of six items only " + std::to_string(begun) + " have begun");
}
void work_chunks(Books& books) {
  brood::Pool pool(1);
  const auto one = [](int i) { return small(i, Marks{0, 4}); };
  settle_chunks(
      books,
      [&] {
        return pool.map({.chunksize = 3}, one, std::vector<int>{0, 1, 2, 3, 4, 5});
      },
      [](int i, int value) { return value == 7 * i + 1; });
  books.check(pool.apply(small, 60, Marks{}) == 421, "the pool does not work any more");
}
// Nobody waits for them, and the pool is at its end; the results lie one behind the other.
void work_chunks_left_alone(Books& books) {
  brood::Pool pool(1);
  const auto one = [](int i) { return text(i, Marks{0, 4}, 40); };
  auto all = pool.map_async({.chunksize = 3}, one, std::vector<int>{0, 1, 2, 3, 4, 5});
  pool.close();
  books.check(pool.join(Books::patience()), "the pool does not come to its end");
  settle_chunks(
      books, [&] { return std::move(all).get(0s); },
      [](int i, const std::string& value) { return value == body(i, 40); });
}

// The worker falls asleep before the next task comes.
void work_asleep(Books& books) {
  brood::Pool pool(1);
  std::vector<brood::Future<int>> futures;
  futures.push_back(pool.apply_async(small, 0, two_tasks));
  books.await_party();
  books.others(stage().thread, [&] {
    futures[0].wait(50ms);
    for (int i = 1; i < tasks; ++i) futures.push_back(pool.apply_async(small, i, two_tasks));
  });
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
}

// ---- the life of a worker

void hand_over(Books& books) {
  brood::Pool pool({.processes = 1, .max_tasks_per_child = 2});
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 6; ++i) futures.push_back(pool.apply_async(small, i, Marks{.begin_in = 1}));
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
}

void end_of_worker(Books& books) {
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 3; ++i) futures.push_back(pool.apply_async(small, i, Marks{.begin_in = 2}));
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
  pool.close();
  books.check(pool.join(Books::patience()), "the pool does not end");
}

void birth_of_worker(Books& books) {
  books.step_next_child();
  brood::Pool pool(2);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < tasks; ++i) futures.push_back(pool.apply_async(small, i, Marks{.end_in = i}));
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
}

void birth_with_initializer(Books& books) {
  brood::Queue<int> queue;
  books.step_next_child();
  brood::Pool pool(
      2, [](brood::Queue<int> q, std::string) { q.put(1); }, queue, std::string(9000, 'x'));
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < tasks; ++i) futures.push_back(pool.apply_async(small, i, Marks{.end_in = i}));
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
  pool.close();
  books.check(pool.join(Books::patience()), "the pool does not end");
  books.check(queue.qsize() >= 1, "the initializer's queue does not work");
}

void pool_start_in_server(Books& books) {
  books.step_server();
  {
    brood::Pool pool(2);
    std::vector<brood::Future<int>> futures;
    for (int i = 0; i < tasks; ++i) futures.push_back(pool.apply_async(small, i, Marks{}));
    settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
  }
  books.await_end_of_stepping();
  books.await_servers();
}

// ---- in the program itself: it dies, and all must be gone

void pool_start(Books& books) {
  begin();
  brood::Pool pool(2);
  auto one = pool.apply_async(small, 0, Marks{});
  end();
  books.check(one.get(Books::patience()) == 1, "wrong result");
}

void pool_work(Books& books) {
  brood::Pool pool(2);
  books.check(pool.apply(small, 0, Marks{}) == 1, "wrong result");
  begin();
  std::vector<brood::Future<std::string>> futures;
  for (int i = 1; i < 6; ++i) {
    futures.push_back(
        pool.apply_async(text, i, Marks{}, i % 2 == 0 ? std::uint64_t{12} : std::uint64_t{1000}));
  }
  for (auto& each : futures) books.check(number_of(each.get(Books::patience())) > 0, "wrong result");
  end();
}

void pool_end(Books& books) {
  brood::Pool pool(2);
  books.check(pool.apply(small, 0, Marks{}) == 1, "wrong result");
  begin();
  pool.close();
  books.check(pool.join(Books::patience()), "the pool does not end");
  end();
}

// ---- taking back: what stands behind a task in one lane goes to an idle worker

int at_gate(int number, std::uint64_t which, Marks marks) {
  enter(number, marks);
  wait_at_gate(which);
  leave(number, marks);
  return 7 * number + 1;
}
int in_line(int number, Marks marks) {
  enter(number, marks);
  leave(number, marks);
  return 7 * number + 1;
}

// Tasks 0 and 2 in one lane, 1 and 3 in the other.
std::vector<brood::Future<int>> two_lanes(brood::Pool& pool, Marks marks) {
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 2; ++i)
    futures.push_back(pool.apply_async(at_gate, i, static_cast<std::uint64_t>(i), marks));
  for (int i = 2; i < 4; ++i) futures.push_back(pool.apply_async(in_line, i, marks));
  return futures;
}

// The worker claims; while it stands, the program takes back.
void taken_back(Books& books) {
  brood::Pool pool(2);
  auto futures = two_lanes(pool, {.begin_in = 0, .end_in = 2});
  open_gate(0);
  books.await_party();
  books.others(stage().thread, [&] {
    open_gate(1);
    futures[1].wait(Books::patience());
    futures[3].wait(Books::patience());
    futures[2].wait(50ms);
  });
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
}

// The program takes back; while it stands, the worker goes on, or dies.
void takes_back(Books& books) {
  brood::Pool pool(2);
  auto futures = two_lanes(pool, {});
  nothing_left::soon([] { return note(began).load() != 0 && note(began + 1).load() != 0; });
  stage().target.store(static_cast<std::uint32_t>(brood::active_children().at(0).pid().value_or(0)));
  auto let_go = std::thread([&] {
    if (books.await_party())
      wait_for([] { return stage().let_go.load() != 0 || stage().phase.load() != 0; }, Books::patience());
    open_gate(0);
    // It goes on as far as it gets.
    wait_for([] { return note(began + 2).load() != 0 || stage().phase.load() == 2; }, 20ms);
    stage().acted.store(1);
    ring();
  });
  open_gate(1);
  begin();
  futures[1].wait(Books::patience());
  futures[3].wait(Books::patience());
  futures[2].wait(0s);
  end();
  books.await_end_of_stepping();
  let_go.join();
  settle(books, futures, [](int i, int value) { return value == 7 * i + 1; });
}

// ---- a task that asks its own pool

int answer(int number) {
  note(inner + static_cast<std::size_t>(number)).fetch_add(1);
  return 3 * number;
}
int ask(int number, bool party) {
  note(began + static_cast<std::size_t>(number)).fetch_add(1);
  if (party) begin();
  auto one = brood::this_worker::pool().apply_async(answer, number);
  const int value = one.get();
  if (party) end();
  return value + 1;
}

void asks(Books& books) {
  brood::Pool pool(1);
  std::vector<brood::Future<int>> futures;
  for (int i = 0; i < 3; ++i) futures.push_back(pool.apply_async(ask, i, i == 0));
  settle(books, futures, [](int i, int value) { return value == 3 * i + 1; });
  for (std::size_t i = 0; i < 3; ++i) books.check(note(inner + i).load() <= 1, "an inner task began twice");
  books.check(pool.apply(small, 60, Marks{}) == 421, "the pool does not work any more");
}

constexpr Scenario all[] = {
    {"worker_small", Mode::kill, work_small},
    {"worker_small_goes_on", Mode::stop_go, work_asleep},
    {"worker_chunks", Mode::kill, work_chunks},
    {"worker_chunks_left_alone", Mode::kill, work_chunks_left_alone},
    {"worker_asleep", Mode::kill, work_asleep},
    {"worker_result_in_slot", Mode::kill, work_result_in_slot},
    {"worker_result_in_run", Mode::kill, work_result_in_run},
    {"worker_argument_in_run", Mode::kill, work_argument_in_run},
    {"worker_names", Mode::kill, work_names},
    {"worker_hand_over", Mode::kill, hand_over},
    {"worker_end", Mode::kill, end_of_worker},
    {"worker_birth", Mode::kill, birth_of_worker},
    {"worker_birth_initializer", Mode::kill, birth_with_initializer},
    {"worker_taken_back", Mode::stop_kill, taken_back},
    {"worker_taken_back_goes_on", Mode::stop_go, taken_back},
    {"pool_takes_back", Mode::stop_go, takes_back},
    {"pool_takes_back_from_dead", Mode::kill_other, takes_back},
    {"worker_asks", Mode::kill, asks},
    {"pool_start_in_server", Mode::kill, pool_start_in_server},
    {"program_pool_start", Mode::kill, pool_start, true},
    {"program_pool_work", Mode::kill, pool_work, true},
    {"program_pool_end", Mode::kill, pool_end, true},
};

}  // namespace

std::span<const Scenario> pool_scenarios() { return all; }

}  // namespace points
