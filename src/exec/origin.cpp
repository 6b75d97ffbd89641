#include "exec/origin.hpp"

#include <brood/detail/code.hpp>
#include <brood/errors.hpp>
#include <memory>
#include <optional>

#include "base/plain_names.hpp"
#include "platform/modules.hpp"
#include "wire/modules.hpp"

namespace brood::detail {
namespace {

constexpr int offset_bits = 48;
constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;

// The number of a module in the table that all processes of the program have.
std::optional<std::uint64_t> common_number(const platform::LoadedModule& module) {
  const auto& all = wire::modules();
  for (std::size_t i = 0; i < all.size() && i < Stack::own_modules; ++i) {
    if (all[i].base == module.base && all[i].key == module.key) return i;
  }
  return std::nullopt;
}

// Words from another process may be garbage: those that name no module are left out.
std::vector<platform::CodePlace> places_of(const Stack& stack) {
  std::vector<platform::CodePlace> places;
  const auto& common = wire::modules();
  for (const auto word : stack.words) {
    const auto number = word >> offset_bits;
    const auto at = word & offset_mask;
    if (number < common.size() && number < Stack::own_modules)
      places.push_back({common[number].key, common[number].path, at});
    else if (number >= Stack::own_modules && number - Stack::own_modules < stack.modules.size())
      places.push_back({stack.modules[number - Stack::own_modules].key,
                        stack.modules[number - Stack::own_modules].path, at});
  }
  return places;
}

}  // namespace

LateText::~LateText() { delete text_.load(); }

const std::string& LateText::get(FunctionRef<std::string()> make) const {
  // acquire: pairs with the exchange below, so a thread that sees the pointer sees the text.
  const std::string* now = text_.load(std::memory_order_acquire);
  if (now != nullptr) return *now;
  auto made = std::make_unique<const std::string>(make());
  if (text_.compare_exchange_strong(now, made.get(), std::memory_order_acq_rel)) return *made.release();
  return *now;
}

Stack Stack::of(std::span<void* const> frames) {
  Stack stack;
  const auto& loaded = platform::current_modules();
  stack.words.reserve(frames.size());
  for (void* frame : frames) {
    // A return address; the call is just before it.
    const auto at = reinterpret_cast<std::uintptr_t>(frame) - 1;
    const auto* module = platform::module_of(loaded, at);
    if (module == nullptr) continue;
    auto number = common_number(*module);
    if (!number) {
      std::size_t own = 0;
      while (own < stack.modules.size() && stack.modules[own].key != module->key) ++own;
      if (own == stack.modules.size()) stack.modules.push_back({module->key, module->path});
      number = own_modules + own;
    }
    stack.words.push_back(*number << offset_bits | (at - module->base));
  }
  return stack;
}

std::string Stack::text() const { return platform::describe_places(places_of(*this)); }
std::string Stack::first_own() const { return platform::first_own_place(places_of(*this)); }

std::string TaskTold::name() const {
  if (code != 0) {
    try {
      auto found = platform::function_name_at(code_at(CodeRef{code}));
      if (!found.empty()) return found;
    } catch (const DecodeError&) {  // garbage
    }
  }
  return plain_name(function);
}

std::string TaskTold::call() const {
  return name() + (arguments.empty() ? "" : " called with (" + arguments + ")");
}

const std::string& Origin::trace() const {
  return trace_.get([this] { return parts_.stack.text(); });
}

const std::string& Origin::task() const {
  return task_.get([this] {
    std::string text;
    for (const auto& each : parts_.tasks)
      text += (text.empty() ? "" : "\n") + each.call() + (each.worker.empty() ? "" : " in " + each.worker);
    return text;
  });
}

const std::string& Origin::sentence(const std::string& begun) const {
  return sentence_.get([&] {
    const auto place = parts_.stack.first_own();
    return place.empty() ? begun
                         : begun + (begun.find('\n') == begun.npos ? "; " : "\n") + "it was in " + place;
  });
}

}  // namespace brood::detail
