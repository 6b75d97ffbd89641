#include "outcomes.hpp"

#include <brood/task_errors.hpp>
#include <csignal>
#include <stdexcept>

#include "books.hpp"

namespace storm {
namespace {

std::string name_of(const Spec& spec) {
  return "task " + std::to_string(spec.id) + " (" + std::string(row_of(spec.shape).name) + ")";
}

void wrong(const Spec& spec, const std::string& what) {
  complain(Trouble::wrong, name_of(spec) + " " + what);
}

void must_end(const Spec& spec, End how, const std::string& what) {
  if (row_of(spec.shape).end != how) wrong(spec, "failed with " + what);
}

void judge_death(const Spec& spec, const brood::WorkerDied& e) {
  const auto& row = row_of(spec.shape);
  if (e.signal() == SIGKILL) {
    // The program itself kills a worker that it has no descriptor to watch by, or no memory to answer.
    const bool by_program = books().is(no_descriptors) || (spec.shape == Shape::ask && books().is(no_memory));
    if (!was_killed(e.pid()) && !by_program)
      wrong(spec, "was killed, but not by the adversary: " + std::string(e.what()));
    return;
  }
  const bool own = (row.end == End::signal && e.signal() == row.code) ||
                   (row.end == End::exit && e.signal() == 0 && e.exit_code() == row.code);
  if (!own) return wrong(spec, std::string("died of what it does not do: ") + e.what());
  if (e.task().find("storm::") == std::string::npos) wrong(spec, "has a strange name: " + e.task());
  if (spec.shape == Shape::last_words && e.last_lines().find(last_words_of(spec)) == std::string::npos)
    wrong(spec, "said last words, but these arrived: '" + e.last_lines() + "'");
}

// Not more often than it may; an idempotent one that was to be run again is counted.
void judge_runs(const Spec& spec) {
  const auto n = times_begun(spec.id);
  if (n > most_runs(spec))
    complain(Trouble::duplicated, name_of(spec) + " began " + std::to_string(n) + " times");
  else if (n > 1)
    books().rerun += n - 1;
}

void judge_failure(const Spec& spec, const brood::Failure& failure) {
  ++books().failed;
  judge_runs(spec);
  const std::string text = failure.type() + ": " + failure.what();
  try {
    failure.rethrow();
  } catch (const brood::WorkerDied& e) {
    judge_death(spec, e);
  } catch (const brood::PoolTerminated&) {
    complain_unless(endings, name_of(spec) + " failed with " + text);
  } catch (const brood::PoolBroken&) {
    ++books().broken;
    complain_unless(deaths | no_descriptors | no_memory, name_of(spec) + " failed with " + text);
  } catch (const brood::Cancelled&) {
    ++books().cancelled;
    if (!spec.cancelled) wrong(spec, "failed with " + text);
  } catch (const brood::DeadlineExceeded&) {
    ++books().late;
    if (spec.care != Care::deadline && spec.care != Care::time_limit) wrong(spec, "failed with " + text);
  } catch (const brood::MemoryLimitExceeded&) {
    if (spec.care != Care::memory_limit) wrong(spec, "failed with " + text);
    must_end(spec, End::bad_alloc, text);
  } catch (const brood::NoMemory&) {
    complain_unless(no_memory, name_of(spec) + " failed with " + text);
  } catch (const brood::UsageError& e) {
    // More tasks wait for their own pool than may be stood in for; or the rest of a chunk came to a closed
    // pool.
    if (std::string(e.what()).find("stand") == std::string::npos)
      complain_unless(endings | closings, name_of(spec) + " failed with " + text);
  } catch (const brood::RemoteError& e) {
    must_end(spec, End::throws, text);
    if (text.find("OwnError") == std::string::npos &&
        text.find("storm " + std::to_string(spec.id)) == std::string::npos)
      wrong(spec, "failed with another's words: " + text);
  } catch (const std::bad_alloc&) {
    must_end(spec, End::bad_alloc, text);
  } catch (const std::out_of_range& e) {
    must_end(spec, End::throws, text);
    if (std::string(e.what()) != "storm " + std::to_string(spec.id))
      wrong(spec, "failed with another's words: " + text);
  } catch (...) {
    wrong(spec, "failed with " + text);
  }
}

void judge_answer(const Spec& spec, const Answer& answer) {
  ++books().finished;
  if (row_of(spec.shape).end != End::returns) wrong(spec, "returned");
  if (answer.id != spec.id || answer.sum != sum_of(answer.bytes) ||
      answer.bytes != noise(~spec.seed, spec.out))
    complain(Trouble::lost, "the result of " + name_of(spec) + " was torn, or another's");
  if (times_begun(spec.id) == 0) wrong(spec, "has a result, but never began");
  judge_runs(spec);
}

}  // namespace

void complain_unless(std::uint32_t weather, const std::string& text) {
  if ((books().weather.load() & weather) == 0) complain(Trouble::wrong, text);
}

std::string last_words_of(const Spec& spec) { return "the last words of task " + std::to_string(spec.id); }

void judge(const Spec& spec, brood::Outcome<void> outcome) {
  if (!outcome) return judge_failure(spec, outcome.error());
  ++books().finished;
  if (times_begun(spec.id) == 0) wrong(spec, "has ended, but never began");
  judge_runs(spec);
}

void judge(const Spec& spec, brood::Outcome<Answer> outcome) {
  if (!outcome) return judge_failure(spec, outcome.error());
  judge_answer(spec, *outcome);
}

void judge(const Spec& spec, brood::Outcome<Offer> outcome) {
  if (!outcome) return judge_failure(spec, outcome.error());
  auto& [answer, values] = *outcome;
  judge_answer(spec, answer);
  for (std::uint32_t i = 0; i < spec.values; ++i) {
    const auto value = values.try_get();
    if (!value || value->number != i || !is_whole(*value))
      return complain(Trouble::lost, "value " + std::to_string(i) + " that " + name_of(spec) + " offered");
  }
  if (!values.empty()) complain(Trouble::duplicated, name_of(spec) + " offered less than arrived");
}

void judge_refusal(const brood::Error& error) {
  ++books().refused;
  if (dynamic_cast<const brood::NoMemory*>(&error) != nullptr)
    complain_unless(no_memory, std::string("a task was refused: ") + error.what());
  else if (dynamic_cast<const brood::PoolBroken*>(&error) != nullptr)
    complain_unless(deaths | no_descriptors | no_memory, std::string("a task was refused: ") + error.what());
  else if (dynamic_cast<const brood::PoolTerminated*>(&error) != nullptr)
    complain_unless(endings, std::string("a task was refused: ") + error.what());
  else if (dynamic_cast<const brood::UsageError*>(&error) != nullptr)
    complain_unless(endings | closings, std::string("a task was refused: ") + error.what());
  else
    complain(Trouble::wrong, std::string("a task was refused: ") + error.what());
}

namespace {

brood::CallOptions options_of(const Spec& spec) {
  const std::chrono::microseconds limit(spec.limit);
  switch (spec.care) {
    case Care::deadline:
      return {.deadline = limit, .grace = std::chrono::milliseconds(2)};
    case Care::time_limit:
      return {.time_limit = limit, .grace = std::chrono::milliseconds(2)};
    case Care::idempotent:
      return {.idempotent = true, .retries = static_cast<int>(retries)};
    case Care::memory_limit:
      return {.memory_limit = std::uint64_t{256} << 20};
    default:
      return {};
  }
}

}  // namespace

std::optional<Pending> submit(brood::Pool& pool, const Spec& spec, const Values* values) {
  try {
    auto future = [&]() -> Pending::AnyFuture {
      const auto argument = noise(spec.seed, spec.in);
      const auto options = options_of(spec);
      switch (spec.shape) {
        case Shape::empty:
          return pool.apply_async(options, nothing, spec);
        case Shape::put:
        case Shape::take:
          return pool.apply_async(options, perform_with, spec, argument, *values);
        case Shape::offer:
          return pool.apply_async(options, offer, spec, argument);
        default:
          return pool.apply_async(options, perform, spec, argument);
      }
    }();
    ++books().tasks;
    return Pending(spec, std::move(future));
  } catch (const brood::Error& e) {
    judge_refusal(e);
    return std::nullopt;
  }
}

}  // namespace storm
