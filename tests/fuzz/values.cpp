// Bytes that claim to be values.

#include <bitset>
#include <brood/codec.hpp>
#include <brood/task_errors.hpp>
#include <chrono>
#include <complex>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>

#include "arena.hpp"
#include "exec/failure.hpp"
#include "pool/asking.hpp"
#include "process/certificate.hpp"
#include "targets.hpp"

namespace fuzz {

enum class Colour : std::uint8_t { red, green };
struct Inner {
  bool flag = true;
  std::optional<std::string> text;
  Colour colour = Colour::green;
  std::array<short, 3> three{};
};
struct Everything {
  int number = 1;
  Inner inner;
  std::vector<Inner> inners;
  std::map<std::string, std::vector<int>> map;
  std::variant<std::monostate, int, std::string, std::vector<std::string>> variant;
  std::unique_ptr<Everything> next;
  std::bitset<20> bits;
  std::filesystem::path path;
  std::chrono::milliseconds time{5};
};
struct Tree {
  std::vector<Tree> branches;
};
struct Node {
  std::unique_ptr<Node> next;
};
struct Nothing {};

namespace {

void require(bool so) {
  if (!so) std::abort();
}

// What decodes is a value: it can be sent on, and comes out as it went in.
template <class T>
void as(Input input) {
  try {
    const T value = brood::detail::decode_all<T>(input.data(), input.size());
    const auto bytes_of = [](const T& v) {
      brood::Writer measure(nullptr, 0);
      measure.value(v);
      std::vector<std::byte> bytes(measure.written());
      brood::Writer to(bytes);
      to.value(v);
      require(to.fits() && to.written() == bytes.size());
      return bytes;
    };
    const auto once = bytes_of(value);
    require(bytes_of(brood::detail::decode_all<T>(once.data(), once.size())) == once);
  } catch (const brood::DecodeError&) {
  }
}

template <class... T>
struct Types {
  static constexpr void (*all[])(Input) = {&as<T>...};
};
using Kinds =
    Types<Everything, Tree, Node, std::string, std::u32string, std::vector<bool>, std::vector<Nothing>,
          std::vector<std::unique_ptr<int>>, std::list<std::string>, std::forward_list<int>,
          std::deque<std::optional<double>>, std::set<std::vector<int>>, std::multimap<int, std::string>,
          std::tuple<int, std::string, std::tuple<>>, std::array<std::string, 70>, std::array<int, 0>,
          std::vector<std::complex<float>>, std::pair<std::string, std::chrono::system_clock::time_point>,
          std::variant<int, std::variant<std::string, std::monostate>>, std::filesystem::path>;

}  // namespace

void decoder(Input input) {
  if (input.empty()) return;
  const auto which = static_cast<std::size_t>(input[0]) % std::size(Kinds::all);
  Kinds::all[which](input.subspan(1));
  // Hashed ones come out in another order: only that they can be read.
  try {
    brood::Reader from(input.data() + 1, input.size() - 1);
    static_cast<void>(from.value<std::unordered_map<std::string, int>>());
  } catch (const brood::DecodeError&) {
  }
}

void exception(Input input) {
  brood::Reader from(input.data(), input.size());
  const auto error = brood::exec::decode_exception(from);
  require(error != nullptr);
  const auto [type, text] = brood::exec::describe(error);
  static_cast<void>(brood::exec::encoded(error));
}

void certificate(Input input) {
  try {
    static_cast<void>(brood::detail::decode_all<brood::process::Certificate>(input.data(), input.size()));
  } catch (const brood::DecodeError&) {
  }
}

void asks(Input input) {
  renew_arena();
  for (int kind = 0; kind < 2; ++kind) {
    try {
      if (kind == 0)
        static_cast<void>(brood::detail::decode_all<brood::pool::Ask>(input.data(), input.size()));
      else
        static_cast<void>(brood::detail::decode_all<brood::pool::Answer>(input.data(), input.size()));
    } catch (const brood::DecodeError&) {
    }
  }
}

}  // namespace fuzz
