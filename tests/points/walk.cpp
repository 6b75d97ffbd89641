#include "walk.hpp"

#include <algorithm>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <unordered_map>
#include <utility>

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

std::vector<Point> walk(Tracee& party, const Modules& modules, EndMark end, std::uint64_t most, bool& ended) {
  constexpr std::size_t call_length = 2;  // of the instruction that enters the kernel
  std::vector<Point> found;
  std::unordered_map<std::uint64_t, std::uint32_t> times;
  std::unordered_map<std::uint64_t, bool> calls;
  std::uint64_t before = 0;
  const auto count = [&](std::uint64_t address, Point::Where where) {
    const auto nth = ++times[address];
    if (counts(nth)) found.push_back(modules.point(address, nth, where));
    return nth;
  };
  ended = false;
  for (std::uint64_t steps = 0; steps < most; ++steps) {
    const auto at = party.at();
    const bool again = std::exchange(before, at) == at;  // a string instruction goes on
    if (at == end.address && end.here(party)) return found;
    bool enters = false;
    if (modules.in_program(at)) {
      if (!again) count(at, Point::Where::at);
    } else {
      const auto known = calls.find(at);
      enters = known != calls.end() ? known->second : (calls[at] = party.before_system_call(at));
      if (enters) count(at, Point::Where::before_call);
    }
    if (!party.step()) {
      ended = true;
      return found;
    }
    if (enters && party.at() == at + call_length) count(at + call_length, Point::Where::after_call);
  }
  return found;
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
