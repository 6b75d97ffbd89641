#include "platform/thrown.hpp"

#include <cxxabi.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <typeinfo>

#include "platform/modules.hpp"

namespace brood::platform {
namespace {

constexpr std::size_t most_of_a_text = 200;

std::string quoted(std::string_view text) {
  std::string to = "\"";
  for (const char c : text.substr(0, most_of_a_text)) {
    const bool control = static_cast<unsigned char>(c) < ' ' || c == 127;
    to += control ? '?' : c;
  }
  return to + (text.size() > most_of_a_text ? "...\"" : "\"");
}

// A pointer that was thrown may be invalid, so the kernel reads from it, up to the end of each page.
std::string text_at(const char* from) {
  constexpr std::uintptr_t page = 4096;
  std::array<char, most_of_a_text + 1> text{};
  std::size_t n = 0;
  while (n < text.size()) {
    const char* const at = from + n;
    const auto to_end = page - reinterpret_cast<std::uintptr_t>(at) % page;
    iovec here{text.data() + n, std::min<std::size_t>(to_end, text.size() - n)};
    iovec there{const_cast<char*>(at), here.iov_len};
    const auto got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    if (got <= 0) break;
    const auto end = std::find(text.data() + n, text.data() + n + got, '\0');
    if (end != text.data() + n + got)
      return quoted({text.data(), static_cast<std::size_t>(end - text.data())});
    n += static_cast<std::size_t>(got);
  }
  return n == text.size() ? quoted({text.data(), n}) : std::string();
}

template <class Number>
std::string number(Number value) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Is the exception being handled of type T? Then its value goes into `text`.
template <class T>
bool is_number(std::string& text) {
  try {
    throw;
  } catch (const T& value) {
    text = number(value);
    return true;
  } catch (...) {
    return false;
  }
}
template <class... Types>
std::string value_of_one_of() {
  std::string text;
  static_cast<void>((is_number<Types>(text) || ...));
  return text;
}

std::string value_of_current() {
  try {
    throw;
  } catch (const std::string& value) {
    return quoted(value);
  } catch (const std::string_view& value) {
    return quoted(value);
  } catch (const char* value) {
    return value == nullptr ? "a null pointer" : text_at(value);
  } catch (bool value) {
    return value ? "true" : "false";
  } catch (char value) {
    return quoted({&value, 1});
  } catch (...) {
    return value_of_one_of<int, unsigned, long, unsigned long, long long, unsigned long long, short,
                           unsigned short, double, float>();
  }
}

std::string with_article(const std::string& type) {
  constexpr std::string_view vowels = "aeiouAEIOU";
  const bool is_an = !type.empty() && vowels.find(type.front()) != vowels.npos;
  return (is_an ? "an " : "a ") + type;
}

Thrown no_exception(std::exception_ptr cause) {
  Thrown told;
  if (abi::__cxa_current_exception_type() == nullptr) {
    told.type = "an exception of unknown type";
    told.text = "an exception of unknown type was thrown";
    return told;
  }
  told.type = current_exception_type();
  told.text = with_article(told.type) + " was thrown, which is not a std::exception";
  if (const auto value = value_of_current(); !value.empty()) told.text += ": " + value;
  told.cause = std::move(cause);
  return told;
}

}  // namespace

Thrown current_thrown() {
  try {
    throw;
  } catch (const std::exception& e) {
    const char* const text = e.what();
    const auto* nested = dynamic_cast<const std::nested_exception*>(&e);
    return {readable(typeid(e).name()), text != nullptr ? text : "(its what() is a null pointer)", true,
            nested != nullptr ? nested->nested_ptr() : nullptr};
  } catch (const std::nested_exception& e) {
    return no_exception(e.nested_ptr());
  } catch (...) {
    return no_exception(nullptr);
  }
}

Thrown thrown(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return current_thrown();
  }
}

std::string causes_of(std::exception_ptr cause) {
  constexpr int most = 16;
  std::string text;
  for (int i = 0; cause && i < most; ++i) {
    auto told = thrown(cause);
    text += "\n  caused by " + told.whole();
    cause = std::move(told.cause);
  }
  return text;
}

}  // namespace brood::platform
