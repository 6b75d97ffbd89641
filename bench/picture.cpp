#include "picture.hpp"

#include <fmt/format.h>
#include <fmt/os.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <regex>
#include <vector>

namespace bench {
namespace {

struct Point {
  double microseconds, a_second;
};
struct Lines {
  std::vector<std::pair<std::string, std::vector<Point>>> by_name;  // in the order in which they come
  double processors = 1;
};

Lines read(std::istream& json) {
  static const std::regex wanted(
      R"re("case":"tasks of (\d+) us, calls a second","who":"([^"]*)","value":([-+.e\d]+).*"cpus":(\d+))re");
  Lines lines;
  std::smatch found;
  for (std::string line; std::getline(json, line);) {
    if (!std::regex_search(line, found, wanted)) continue;
    const auto name = found[2].str();
    auto at = std::find_if(lines.by_name.begin(), lines.by_name.end(),
                           [&](const auto& each) { return each.first == name; });
    if (at == lines.by_name.end()) at = lines.by_name.insert(at, {name, {}});
    at->second.push_back({std::stod(found[1]), std::stod(found[3])});
    lines.processors = std::stod(found[4]);
  }
  return lines;
}

// Where in the picture: from 1 to 1,000 us, from a hundred to ten million a second.
constexpr double width = 820, height = 440, left = 70, right = 250, top = 48, bottom = 52;
double x_of(double microseconds) { return left + std::log10(microseconds) / 3 * (width - left - right); }
double y_of(double a_second) {
  const double part = (std::log10(a_second) - 2) / (7 - 2);
  return height - bottom - std::clamp(part, 0.0, 1.0) * (height - top - bottom);
}

constexpr const char* colours[] = {"#c0392b", "#2c6fbb", "#2e8b57", "#8e6bbf", "#7f7f7f"};

void draw_axes(fmt::ostream& to, double processors) {
  to.print(
      "<text x='{}' y='26' class='title'>Tasks a second, by the length of a task ({} processors)</text>\n",
      left, processors);
  for (int power = 2; power <= 7; ++power) {
    const double y = y_of(std::pow(10, power));
    to.print("<line x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}' class='grid'/>\n", left, width - right, y, y);
    constexpr const char* names[] = {"100", "1,000", "10,000", "100,000", "1 million", "10 million"};
    to.print("<text x='{}' y='{:.1f}' class='left'>{}</text>\n", left - 8, y + 4, names[power - 2]);
  }
  for (const int us : {1, 10, 100, 1000}) {
    to.print("<text x='{:.1f}' y='{}' class='middle'>{} us</text>\n", x_of(us), height - bottom + 20, us);
  }
}

void draw_line(fmt::ostream& to, const std::vector<Point>& points, const std::string& style) {
  std::string path;
  for (const auto& p : points) path += fmt::format("{:.1f},{:.1f} ", x_of(p.microseconds), y_of(p.a_second));
  to.print("<polyline points='{}' {}/>\n", path, style);
}

void draw_names(fmt::ostream& to, const Lines& lines) {
  double y = top + 14;
  std::size_t i = 0;
  const double x = width - right + 16;
  to.print("<line x1='{}' x2='{}' y1='{}' y2='{}' class='perfect'/><text x='{}' y='{}'>perfect</text>\n", x,
           x + 18, y - 4, y - 4, x + 24, y);
  for (const auto& [name, points] : lines.by_name) {
    y += 22;
    to.print("<line x1='{}' x2='{}' y1='{}' y2='{}' stroke='{}' stroke-width='3'/>", x, x + 18, y - 4, y - 4,
             colours[i % std::size(colours)]);
    to.print("<text x='{}' y='{}'>{}</text>\n", x + 24, y, name.substr(0, name.find(',')));
    ++i;
  }
}

}  // namespace

std::string name_of_length(int microseconds) {
  return fmt::format("tasks of {} us, calls a second", microseconds);
}

std::string draw(const std::string& json, const std::string& svg) {
  std::ifstream from(json);
  if (!from) return json + " cannot be read; write it with ./x bench --case 'calls a second' --json " + json;
  const auto lines = read(from);
  if (lines.by_name.empty())
    return json + " has no case of 'calls a second'; write it with ./x bench --case 'calls a second' --json";
  try {
    auto to = fmt::output_file(svg);
    to.print(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {} {}' font-family='sans-serif' "
        "font-size='12'>\n<style>.grid{{stroke:#ddd}}.perfect{{stroke:#999;stroke-dasharray:5 4;fill:none}}"
        ".title{{font-size:15px;font-weight:bold}}.left{{text-anchor:end}}.middle{{text-anchor:middle}}"
        "</style>\n<rect width='100%' height='100%' fill='white'/>\n",
        width, height);
    draw_axes(to, lines.processors);
    std::vector<Point> perfect;
    for (const int us : lengths) perfect.push_back({static_cast<double>(us), lines.processors * 1e6 / us});
    draw_line(to, perfect, "class='perfect'");
    std::size_t i = 0;
    for (const auto& [name, points] : lines.by_name) {
      draw_line(to, points,
                fmt::format("fill='none' stroke='{}' stroke-width='2.5'", colours[i++ % std::size(colours)]));
    }
    draw_names(to, lines);
    to.print("</svg>\n");
  } catch (const std::system_error& e) {
    return svg + " cannot be written: " + e.what();
  }
  return "";
}

}  // namespace bench
