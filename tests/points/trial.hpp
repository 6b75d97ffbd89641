#pragma once
// One trial: the scenario runs, the party is led to a point, what is to happen there happens, the books are
// looked at.

#include <memory>
#include <string>
#include <vector>

#include "program.hpp"
#include "scenario.hpp"
#include "walk.hpp"

namespace points {

struct Outcome {
  bool met = false;     // the party came to the point
  std::string failure;  // empty: the books balance
};

class Stepper {
 public:
  Stepper(const Scenario& scenario, std::chrono::milliseconds patience)
      : scenario_(scenario), patience_(patience) {}
  ~Stepper();

  /// The scenario without a kill, by single steps: its points.
  Outcome find(std::vector<Point>& points);
  Outcome kill_at(const Point& point);
  /// Ends the program in an orderly way.
  std::string end();

 private:
  Outcome trial(Mode mode, FunctionRef<void(Outcome&)> lead);
  void lead_to(const Point& point, Outcome& outcome);
  void act(Tracee& party, Outcome& outcome);
  EndMark end_mark() const;
  std::unique_ptr<Tracee> take_party();
  std::string await_books();
  std::string await_death();

  const Scenario& scenario_;
  std::chrono::milliseconds patience_;
  std::unique_ptr<Program> program_;
  std::uint32_t trials_ = 0;
  bool party_goes_by_steps_ = false;  // the last one did
};

}  // namespace points
