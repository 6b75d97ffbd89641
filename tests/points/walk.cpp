#include "walk.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <unordered_map>

namespace points {
namespace {

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe"); }
std::string file_of(const std::string& path) { return std::filesystem::path(path).filename(); }

// Loops are sampled: what happens in the hundredth round happened in the first.
bool counts(std::uint32_t nth) { return nth <= 4 || std::has_single_bit(nth); }

}  // namespace

std::string Point::name() const {
  char text[64];
  std::snprintf(text, sizeof text, "+0x%" PRIx64 "#%" PRIu32, offset, nth);
  const char* how = where == Where::at ? "" : where == Where::before_call ? "!before" : "!after";
  return module + text + how;
}

std::optional<Point> Point::parse(const std::string& name) {
  const auto plus = name.rfind("+0x");
  Point point;
  if (plus == std::string::npos ||
      std::sscanf(name.c_str() + plus, "+0x%" SCNx64 "#%" SCNu32, &point.offset, &point.nth) != 2) {
    return std::nullopt;
  }
  point.module = name.substr(0, plus);
  if (name.ends_with("!before")) point.where = Where::before_call;
  if (name.ends_with("!after")) point.where = Where::after_call;
  return point;
}

Modules::Modules(pid_t process) {
  std::ifstream maps("/proc/" + std::to_string(process) + "/maps");
  const auto program = file_of(own_path());
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0, offset = 0;
    char rights[8];
    int path_at = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &begin, &end, rights,
                    &offset, &path_at) != 4 ||
        path_at == 0 || static_cast<std::size_t>(path_at) >= line.size()) {
      continue;
    }
    const auto name = file_of(line.substr(static_cast<std::size_t>(path_at)));
    if (all_.empty() || all_.back().name != name)
      all_.push_back({name, begin - offset, end});
    else
      all_.back().end = end;
    if (name == program && rights[2] == 'x') {
      program_begin_ = begin;
      program_end_ = end;
    }
  }
}

Point Modules::point(std::uint64_t address, std::uint32_t nth, Point::Where where) const {
  for (const auto& module : all_) {
    if (module.base <= address && address < module.end) {
      return {module.name, address - module.base, nth, where};
    }
  }
  return {"?", address, nth, where};
}

std::uint64_t Modules::address(const Point& point) const {
  const auto it =
      std::find_if(all_.begin(), all_.end(), [&](const auto& m) { return m.name == point.module; });
  return it == all_.end() ? 0 : it->base + point.offset;
}

bool EndMark::here(const Tracee& party) const {
  if (argument == 0) return party.at() == address;
  const auto registers = party.registers();
  return registers.rip == address && registers.rdi == argument;
}

namespace {

// Through one operation by single steps. Library code is no one's points but for its system calls: what takes
// long there is run to its return. What calls back soon is stepped, so that the program's code is found.
class Walker {
 public:
  Walker(Tracee& party, const Modules& modules, EndMark end) : party_(party), modules_(modules), end_(end) {}

  /// True when the thread has ended.
  bool walk(std::uint64_t most) {
    for (std::uint64_t steps = 0; steps < most; ++steps) {
      const auto at = party_.at();
      if (at == end_.address && end_.here(party_)) return false;
      const bool alive = modules_.in_program(at) ? in_program(at) : in_library(at);
      if (!alive) return true;
      if (at_end_) return false;
    }
    return false;
  }
  std::vector<Point> found;

 private:
  static constexpr std::uint64_t call_length = 2;  // of the instruction that enters the kernel
  static constexpr int patience = 250;             // steps in one call of a library

  void count(std::uint64_t address, Point::Where where) {
    const auto nth = ++times_[address];
    if (counts(nth)) found.push_back(modules_.point(address, nth, where));
  }

  // Length of a string instruction, which stops after each of its rounds; else 0.
  static std::uint64_t string_length(std::uint64_t code) {
    const auto opcode = [](std::uint64_t byte) {
      return byte == 0xa4 || byte == 0xa5 || byte == 0xaa || byte == 0xab;
    };
    if ((code & 0xff) != 0xf3) return 0;
    if (opcode(code >> 8 & 0xff)) return 2;
    return (code >> 8 & 0xff) == 0x48 && opcode(code >> 16 & 0xff) ? 3 : 0;
  }
  std::uint64_t code_at(std::uint64_t address) {
    const auto known = code_.find(address);
    return known != code_.end() ? known->second : (code_[address] = party_.word_at(address));
  }
  bool pass(std::uint64_t at, std::uint64_t code) {
    const auto length = string_length(code);
    if (length == 0) return party_.step();
    party_.set_breakpoint(2, at + length);
    const bool alive = party_.run();
    party_.set_breakpoint(2, 0);
    return alive;
  }

  bool in_program(std::uint64_t at) {
    count(at, Point::Where::at);
    const auto code = code_at(at);
    from_return_ = (code & 0xff) == 0xc3;
    in_library_for_ = 0;
    return pass(at, code);
  }

  bool in_library(std::uint64_t at) {
    if (in_library_for_++ == 0) {
      const auto registers = party_.registers();
      stack_ = registers.rsp;
      return_to_ = from_return_ || throws(at) ? 0 : party_.word_at(stack_);
      if (!modules_.in_program(return_to_)) return_to_ = 0;
    }
    if (in_library_for_ > patience && return_to_ != 0) return run_to_return();
    const auto code = code_at(at);
    const bool enters = (code & 0xffff) == 0x050f;
    if (enters) count(at, Point::Where::before_call);
    if (!pass(at, code)) return false;
    if (enters && party_.at() == at + call_length) count(at + call_length, Point::Where::after_call);
    return true;
  }

  bool run_to_return() {
    party_.set_breakpoint(1, end_.address);
    party_.set_breakpoint(2, return_to_);
    bool inside = false;
    bool alive = true;
    while ((alive = party_.run_to_call())) {
      const auto registers = party_.registers();
      if (party_.stands_at_call()) {
        inside = !inside;
        if (inside)
          count(registers.rip - call_length, Point::Where::before_call);
        else
          count(registers.rip, Point::Where::after_call);
      } else if (registers.rip == return_to_ && registers.rsp > stack_) {
        break;
      } else if (registers.rip == end_.address && end_.here(party_)) {
        at_end_ = true;
        break;
      }
    }
    party_.set_breakpoint(1, 0);
    party_.set_breakpoint(2, 0);
    in_library_for_ = 0;
    return alive;
  }

  // These do not return to where they were called.
  bool throws(std::uint64_t at) {
    if (throwing_.empty()) {
      const Modules here(getpid());
      for (const char* name :
           {"__cxa_throw", "__cxa_rethrow", "_Unwind_Resume", "_Unwind_RaiseException", "exit"}) {
        if (auto* address = dlsym(RTLD_DEFAULT, name)) {
          throwing_.push_back(
              modules_.address(here.point(reinterpret_cast<std::uint64_t>(address), 1, Point::Where::at)));
        }
      }
    }
    return std::find(throwing_.begin(), throwing_.end(), at) != throwing_.end();
  }

  Tracee& party_;
  const Modules& modules_;
  EndMark end_;
  std::unordered_map<std::uint64_t, std::uint32_t> times_;
  std::unordered_map<std::uint64_t, std::uint64_t> code_;
  std::vector<std::uint64_t> throwing_;
  bool from_return_ = false;
  bool at_end_ = false;
  int in_library_for_ = 0;
  std::uint64_t stack_ = 0, return_to_ = 0;
};

}  // namespace

std::vector<Point> walk(Tracee& party, const Modules& modules, EndMark end, std::uint64_t most, bool& ended) {
  Walker walker(party, modules, end);
  ended = walker.walk(most);
  return std::move(walker.found);
}

Met run_to(Tracee& party, const Modules& modules, const Point& point, EndMark end) {
  const auto wanted = modules.address(point);
  if (wanted == 0) throw std::runtime_error("no module " + point.module + " in the stepped process");
  party.set_breakpoint(0, wanted);
  party.set_breakpoint(1, end.address);
  // The party may stand on the point already: a breakpoint would not tell.
  std::uint32_t times = party.at() == wanted;
  if (times == point.nth) return Met::point;
  while (party.run()) {
    const auto at = party.at();
    if (at == end.address && end.here(party)) return Met::end;
    if (at == wanted && ++times == point.nth) return Met::point;
  }
  return Met::death;
}

std::string describe(const Point& point) {
  if (point.module != file_of(own_path())) return "in a library";
  char command[4200];
  std::snprintf(command, sizeof command, "addr2line -Cfpe '%s' 0x%" PRIx64 " 2>/dev/null", own_path().c_str(),
                point.offset);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command, "r"), &pclose);
  char text[2000] = "";
  if (!pipe || std::fgets(text, sizeof text, pipe.get()) == nullptr)
    return "line not known: no addr2line here";
  std::string line = text;
  if (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

}  // namespace points
