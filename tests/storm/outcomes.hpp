#pragma once
// Tasks under way, and whether what becomes of them is lawful: in the program, and in tasks that submit
// tasks.

#include <brood/future.hpp>
#include <brood/pool.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "shapes.hpp"
#include "tasks.hpp"

namespace storm {

/// Counts the task as finished or failed; complains when it may not have ended so.
void judge(const Spec& spec, brood::Outcome<void> outcome);
void judge(const Spec& spec, brood::Outcome<Answer> outcome);
void judge(const Spec& spec, brood::Outcome<Offer> outcome);
/// What submitting a task threw.
void judge_refusal(const brood::Error& error);

class Pending {
 public:
  using AnyFuture = std::variant<brood::Future<void>, brood::Future<Answer>, brood::Future<Offer>>;
  Pending(const Spec& spec, AnyFuture future) : spec_(spec), future_(std::move(future)) {}

  bool wait(std::chrono::microseconds patience) {
    return std::visit([&](auto& f) { return f.wait(patience); }, future_);
  }
  bool ready() {
    return std::visit([](auto& f) { return f.ready(); }, future_);
  }
  void judge() {
    std::visit([&](auto& f) { storm::judge(spec_, f.outcome()); }, future_);
  }
  /// Calls when it has been judged.
  template <class F>
  void judge_later(F done) {
    std::visit(
        [&](auto& f) {
          f.add_done_callback([spec = spec_, done](auto outcome) {
            storm::judge(spec, std::move(outcome));
            done();
          });
        },
        future_);
  }
  void cancel(bool also_when_it_runs) {
    spec_.cancelled = true;
    std::visit([&](auto& f) { also_when_it_runs ? f.cancel(brood::CancelMode::kill) : f.cancel(); }, future_);
  }
  const Spec& spec() const { return spec_; }
  std::string label() const {
    return std::to_string(spec_.id) + " (" + std::string(row_of(spec_.shape).name) + ")";
  }

 private:
  Spec spec_;
  AnyFuture future_;
};

/// Nothing when the pool would not take it. `values`: for tasks that put and take.
std::optional<Pending> submit(brood::Pool& pool, const Spec& spec, const Values* values);

std::string last_words_of(const Spec& spec);
/// Complains of an outcome that is wrong but in such weather.
void complain_unless(std::uint32_t weather, const std::string& text);

}  // namespace storm
