#pragma once
// A page of the tour on the terminal: titles, paragraphs, code, what a program prints.

#include <string>
#include <string_view>
#include <vector>

namespace tool {

class Page {
 public:
  /// For stdout: as wide as its terminal, 80 columns without one; with colours where it is a terminal that
  /// has them.
  Page();

  int columns() const { return columns_; }

  /// "10/32  Two loops" on a rule across the page.
  void title(const std::string& number, const std::string& text) const;
  /// Paragraphs. Lines that begin with "- " or "1. " are items; "> " is the sentence to remember.
  void prose(std::string_view paragraphs) const;
  void caption(const std::string& text) const;
  void code(const std::vector<std::string>& lines) const;
  /// A line that a program printed `seconds` after its start.
  void live(double seconds, const std::string& text) const;
  /// `text` beside `head`.
  void item(const std::string& head, const std::string& text) const;

 private:
  // `text` in as many lines as it takes; the first begins with `head`, the others with `tail`, as wide.
  void lines(const std::string& head, const std::string& tail, const std::vector<std::string>& text,
             const char* style) const;
  std::string styled(const char* style, const std::string& text) const;

  int columns_;
  bool colours_;
};

}  // namespace tool
