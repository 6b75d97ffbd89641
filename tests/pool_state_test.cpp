// What an initializer returns, and the functions that take it by reference.

#include <brood/pool.hpp>
#include <brood/queue.hpp>
#include <csignal>
#include <map>
#include <memory>

#include "nothing_left.hpp"

namespace pool_state {

struct Model {
  std::string name;
  int calls = 0;
};
Model load(std::string name) { return {std::move(name)}; }

std::pair<int, int> use(Model& model, int x) { return {x, ++model.calls}; }
std::string name_of(Model& model) { return model.name; }
double weigh(Model& model, int x, const std::vector<double>& weights) {
  ++model.calls;
  return x * weights.at(1);
}
void crash(Model&) { raise(SIGKILL); }
void change(std::string& text, char c) { text += c; }
int through_this_worker() { return ++brood::this_worker::state<Model>().calls; }

struct Tells {
  brood::Queue<int> to;
  explicit Tells(brood::Queue<int> queue) : to(std::move(queue)) {}
  ~Tells() { to.put(brood::this_worker::index()); }
};
std::unique_ptr<Tells> telling(brood::Queue<int> queue) { return std::make_unique<Tells>(std::move(queue)); }

}  // namespace pool_state

namespace {

using namespace pool_state;

TEST(PoolState, is_the_workers_own_and_lasts) {
  const nothing_left::Memory memory;
  brood::Pool pool(2, load, "model.bin");
  EXPECT_EQ(pool.apply(name_of), "model.bin");
  std::vector<int> items(100);
  for (int i = 0; i < 100; ++i) items[static_cast<std::size_t>(i)] = i;
  int calls = 0;
  for (const auto& [x, nth] : pool.map(use, items)) calls = std::max(calls, nth);
  EXPECT_GE(calls, 50);  // 100 calls by two workers
  EXPECT_GE(pool.apply(through_this_worker), 1);
  for (const auto& [x, nth] : pool.imap(use, items)) EXPECT_GE(nth, 1);
  EXPECT_EQ(pool.starmap(use, std::vector<std::tuple<int>>{{3}, {4}}).at(1).first, 4);
}

TEST(PoolState, comes_before_arguments_and_extra_ones) {
  brood::Pool pool(1, load, "m");
  EXPECT_EQ(pool.map(weigh, std::vector<int>{1, 2}, std::vector<double>{0.5, 2.5}),
            (std::vector<double>{2.5, 5}));
  EXPECT_EQ(pool.apply([](Model& model, int x) { return model.calls + x; }, 10), 12);
  EXPECT_EQ(pool.apply<name_of>(), "m");
}

TEST(PoolState, is_made_anew_with_the_worker) {
  brood::Pool pool(1, load, "m");
  EXPECT_EQ(pool.apply(use, 1).second, 1);
  EXPECT_EQ(pool.apply(use, 1).second, 2);
  EXPECT_THROW(pool.apply(crash), brood::WorkerDied);
  EXPECT_EQ(pool.apply(use, 1).second, 1);
}

TEST(PoolState, is_destroyed_with_the_worker) {
  brood::Queue<int> queue;
  {
    brood::Pool pool(2, telling, queue);
    pool.close();
    pool.join();
  }
  EXPECT_EQ(queue.qsize(), 2);
}

TEST(PoolState, is_missed_in_a_sentence) {
  brood::Pool without(1);
  try {
    without.apply(name_of);
    FAIL() << "nothing was thrown";
  } catch (const brood::UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("pool_state::Model"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("initializer"), std::string::npos) << e.what();
  }
  brood::Pool another(1, load, "m");
  EXPECT_THROW(another.apply(change, 'c'), brood::UsageError);
  EXPECT_THROW(brood::this_worker::state<Model>(), brood::UsageError);  // no worker
}

}  // namespace
