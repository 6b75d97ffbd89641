#pragma once
// Points: where a party may be killed. Walking an operation once, instruction by instruction, finds them; a
// breakpoint leads to one of them again.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stage.hpp"
#include "tracee.hpp"

namespace points {

/// A place in a module and the how-manyeth time that the party comes there since the begin mark.
struct Point {
  enum class Where { at, before_call, after_call };  // of system calls, which lie in libraries
  std::string module;
  std::uint64_t offset = 0;
  std::uint32_t nth = 1;
  Where where = Where::at;

  /// brood_points+0x1234#2, libc.so.6+0x99#1!after
  std::string name() const;
  static std::optional<Point> parse(const std::string& name);
};

/// Where the modules of a process lie.
class Modules {
 public:
  explicit Modules(pid_t process);
  bool in_program(std::uint64_t address) const { return program_begin_ <= address && address < program_end_; }
  Point point(std::uint64_t address, std::uint32_t nth, Point::Where where) const;
  /// 0 when the module is not there.
  std::uint64_t address(const Point& point) const;

 private:
  struct Module {
    std::string name;
    std::uint64_t base, end;
  };
  std::vector<Module> all_;
  std::uint64_t program_begin_ = 0, program_end_ = 0;  // its text
};

/// Where an operation ends.
struct EndMark {
  std::uint64_t address;
  std::uint64_t argument;  // of the call that ends it; 0: any
  bool here(const Tracee& party) const;
};

/// To the end of the operation by single steps, at most `most`. The points in the order in which they were
/// met: each instruction of the program the first four times, then at every power of two.
std::vector<Point> walk(Tracee& party, const Modules& modules, EndMark end, std::uint64_t most, bool& ended);

enum class Met { point, end, death };
/// To the point by breakpoints.
Met run_to(Tracee& party, const Modules& modules, const Point& point, EndMark end);

/// function, file and line of a point.
std::string describe(const Point& point);

}  // namespace points
