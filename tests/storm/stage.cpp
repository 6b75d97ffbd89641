#include "stage.hpp"

#include <atomic>
#include <brood/errors.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "actors.hpp"
#include "adversary.hpp"
#include "books.hpp"
#include "client.hpp"

namespace storm {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::atomic<const char*> now_in{"the beginning"};
std::atomic<Clock::time_point> since{Clock::now()};

void enter(const char* name) {
  now_in = name;
  since = Clock::now();
}

std::uint32_t weather_of(const Round& round) {
  std::uint32_t weather = 0;
  for (const auto& move : round.moves) weather |= moves()[move.kind].weather;
  for (const auto& pool : round.pools) {
    weather |= pool.fate == Fate::terminate ? endings : 0U;
    weather |= pool.fate == Fate::close ? closings : 0U;
  }
  if (round.bytes > 64 << 20) weather |= no_memory;  // together they may fill the arena
  return weather;
}

// A pool with its clients.
class Party {
 public:
  Party(const PoolPlan& plan, const std::vector<std::unique_ptr<Actors>>& actors) : plan_(plan) {
    brood::PoolOptions options{.processes = plan.workers, .name = "storm-w"};
    if (plan.tasks_per_child > 0) options.max_tasks_per_child = plan.tasks_per_child;
    try {
      pool_ = plan.initializer ? std::make_unique<brood::Pool>(options, warm_up, 77U)
                               : std::make_unique<brood::Pool>(options);
    } catch (const brood::Error& e) {
      complain_unless(no_descriptors | no_memory, std::string("a pool could not be made: ") + e.what());
      return;
    }
    for (std::size_t i = 0; i < plan.clients.size(); ++i)
      clients_.push_back(
          std::make_unique<Client>(plan.clients[i], *pool_, actors[i % actors.size()]->queue()));
    for (auto& client : clients_) {
      ++busy_;
      threads_.emplace_back([this, &client] {
        client->run();
        --busy_;
      });
    }
    if (plan.fate == Fate::close || plan.fate == Fate::terminate)
      threads_.emplace_back([this] { end_early(); });
  }

  void wait_for_clients() {
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  bool end(bool innocent) {
    if (!pool_) return true;
    if (plan_.fate != Fate::destroy) {
      pool_->close();
      if (!pool_->join(90s)) {
        complain(Trouble::hung, "join of a pool of " + std::to_string(plan_.workers));
        return false;
      }
      check_counts();
    }
    pool_.reset();
    if (innocent) check_dropped();
    return true;
  }

 private:
  void end_early() {
    const auto until = Clock::now() + std::chrono::milliseconds(plan_.fate_ms);
    while (busy_ > 0 && Clock::now() < until) std::this_thread::sleep_for(1ms);
    plan_.fate == Fate::close ? pool_->close() : pool_->terminate();
  }

  void check_counts() const {
    std::uint64_t accepted = 0;
    for (const auto& client : clients_) accepted += client->accepted();
    const auto counts = pool_->counts();
    if (counts.queued != 0 || counts.running != 0 || counts.workers != 0 ||
        counts.done + counts.failed < accepted)
      complain(Trouble::lost, "a joined pool counts " + std::to_string(counts.queued) + " queued, " +
                                  std::to_string(counts.running) + " running, " +
                                  std::to_string(counts.done) + " done, " + std::to_string(counts.failed) +
                                  " failed, " + std::to_string(counts.workers) + " workers, of " +
                                  std::to_string(accepted));
  }

  // Tasks nobody asks after are run all the same, but those that a killed worker had in its hands.
  void check_dropped() const {
    std::uint64_t missing = 0;
    for (const auto& client : clients_) {
      for (const auto& spec : client->dropped()) {
        const auto times = times_begun(spec.id);
        missing += times == 0 && spec.care != Care::deadline;
        if (times > most_runs(spec))
          complain(Trouble::duplicated, "task " + std::to_string(spec.id) + ", dropped");
      }
    }
    std::uint64_t killed = 0;
    for (std::uint32_t pid = 0; pid < Books::most_pids; ++pid) killed += books().killed[pid];
    if (missing > killed)
      complain(Trouble::lost,
               std::to_string(missing) + " tasks whose futures were dropped never began; " +
                   std::to_string(killed) + " were killed",
               missing - killed);
  }

  const PoolPlan& plan_;
  std::unique_ptr<brood::Pool> pool_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::thread> threads_;
  std::atomic<int> busy_{0};
};

}  // namespace

const char* phase() { return now_in; }
double seconds_in_phase() { return std::chrono::duration<double>(Clock::now() - since.load()).count(); }

bool play(const Round& round, Leaks& leaks) {
  const auto weather = weather_of(round);
  begin_round(weather, Books::most_ids < round.ids ? Books::most_ids : round.ids, Books::most_values);
  std::atomic<std::uint32_t> values{round.values};
  const auto broken_before = books().broken.load();
  bool well = true;
  {
    enter("making queues and pools");
    std::vector<std::unique_ptr<Actors>> actors;
    for (const auto& queue : round.queues) actors.push_back(std::make_unique<Actors>(queue, values));
    Adversary adversary(round);
    std::thread moves([&] { adversary.run(); });
    std::vector<std::unique_ptr<Party>> parties;
    for (const auto& pool : round.pools) parties.push_back(std::make_unique<Party>(pool, actors));
    enter("the tasks");
    for (auto& party : parties) party->wait_for_clients();
    enter("the adversary's last move");
    adversary.stop();
    moves.join();
    enter("the end of the pools");
    const bool innocent =
        (weather & (endings | no_memory | no_descriptors)) == 0 && books().broken.load() == broken_before;
    for (auto& party : parties) well = well && party->end(innocent);
    enter("the end of the queues");
    for (auto& one : actors) well = well && one->end();
    if (!well) return false;
  }
  check_values(values);
  enter("the look for leaks");
  leaks.look();
  return true;
}

}  // namespace storm
