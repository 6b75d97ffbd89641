#include "wire/modules.hpp"

#include <algorithm>
#include <atomic>
#include <brood/detail/code.hpp>
#include <brood/errors.hpp>
#include <deque>

namespace brood {
namespace {

constexpr int offset_bits = 48;
constexpr std::uint64_t offset_mask = (std::uint64_t{1} << offset_bits) - 1;

// Replaced as a whole and never freed, so that readers need no lock.
std::atomic<const std::vector<wire::Module>*> table{nullptr};

}  // namespace

namespace wire {

void set_modules(std::vector<Module> modules) {
  // Old tables are kept, because a thread may be reading one.
  static auto* const all = new std::deque<std::vector<Module>>;
  // release: pairs with the load in modules(), so readers see the whole table.
  table.store(&all->emplace_back(std::move(modules)), std::memory_order_release);
}

const std::vector<Module>& modules() {
  static const std::vector<Module> none;
  const auto* now = table.load(std::memory_order_acquire);
  return now ? *now : none;
}

std::vector<Module> in_order_of(const std::vector<std::string>& theirs, std::vector<Module> mine) {
  std::vector<Module> ordered;
  std::string missing;
  for (const auto& key : theirs) {
    const auto it = std::find_if(mine.begin(), mine.end(), [&](const Module& m) { return m.key == key; });
    if (it == mine.end()) {
      missing += (missing.empty() ? "" : ", ") + key;
      ordered.push_back({});
    } else {
      ordered.push_back(std::move(*it));
      mine.erase(it);
    }
  }
  if (!missing.empty()) {
    std::string have;
    for (const auto& m : ordered) have += m.path.empty() ? "" : "\n  " + m.path + " (" + m.key + ")";
    throw StartFailed("the two processes are not made of the same modules; missing here: " + missing +
                      "; present:" + have);
  }
  ordered.insert(ordered.end(), std::make_move_iterator(mine.begin()), std::make_move_iterator(mine.end()));
  return ordered;
}

}  // namespace wire

namespace detail {

CodeRef code_ref(const void* code) {
  const auto at = reinterpret_cast<std::uintptr_t>(code);
  const auto& all = wire::modules();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (at >= all[i].text_begin && at < all[i].text_end) return {(i << offset_bits) | (at - all[i].base)};
  }
  throw UsageError(
      "this function is in a module that other processes do not have: it was loaded (dlopen) after "
      "brood::init, or is "
      "not code of this program. Load modules before brood::init, or call brood::renew_server() afterwards");
}

const void* code_at(CodeRef ref) {
  const auto index = ref.word >> offset_bits;
  const auto& all = wire::modules();
  if (index < all.size()) {
    const auto at = all[index].base + (ref.word & offset_mask);
    if (at >= all[index].text_begin && at < all[index].text_end) return reinterpret_cast<const void*>(at);
  }
  throw DecodeError("a message names a function outside the program's code; it was not called");
}

}  // namespace detail
}  // namespace brood
