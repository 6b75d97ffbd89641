#pragma once
// A map in chunks: the items lie in one block of shared memory, and each task works on some that stand next
// to each other. A chunk never changes what comes out. Each item has a state in the block, so that of a chunk
// that was cut short, by a death or by an exception, the items before are done, one has failed, and those
// behind were never begun and go into other chunks.

#include <algorithm>
#include <atomic>
#include <brood/detail/callable.hpp>
#include <brood/shared_block.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <tuple>
#include <type_traits>

namespace brood::detail {

enum class ItemState : std::uint8_t { untouched = 0, begun = 1, done = 2 };

/// Which items, of how many in the block; and after how long to come back with what is left (0: never).
struct Chunk {
  std::uint64_t first = 0, count = 0, all = 0;
  std::uint64_t nanoseconds = 0;
};

/// A shared object that an item names.
struct ItemName {
  std::uint64_t item, object;
};

/// Where in the block things lie. Plain items, and results, are rows of sizeof; other items are encoded, and
/// `starts` says where each begins.
template <class Item, class R>
class ChunkLayout {
 public:
  static constexpr bool plain_items = is_plain<Item>();
  static constexpr std::size_t result_size = [] {
    if constexpr (std::is_void_v<R>)
      return std::size_t{0};
    else
      return sizeof(R);
  }();

  static std::size_t size(std::size_t items, std::size_t encoded) {
    return items_at(items) + (plain_items ? items * sizeof(Item) : encoded);
  }

  /// Throws DecodeError when the block is too small for so many.
  ChunkLayout(const SharedBlock& block, std::uint64_t items)
      : base_(block.data()), items_(items), size_(block.size()) {
    if (items > block.size() || size(items, 0) > block.size()) {
      throw DecodeError("a chunk of a map does not fit the block of its items");
    }
  }

  /// Its writer releases, its reader acquires: the result is there when it is done.
  std::atomic_ref<ItemState> state(std::size_t i) const {
    return std::atomic_ref<ItemState>(reinterpret_cast<ItemState*>(base_)[i]);
  }
  std::size_t first_not_done(std::size_t from, std::size_t end) const {
    while (from != end && state(from).load(std::memory_order_acquire) == ItemState::done) ++from;
    return from;
  }
  std::byte* result(std::size_t i) const { return base_ + results_at(items_) + i * result_size; }
  std::byte* plain_item(std::size_t i) const { return base_ + items_at(items_) + i * sizeof(Item); }
  void set_start(std::size_t i, std::uint64_t at) const {
    std::memcpy(base_ + starts_at(items_) + i * sizeof at, &at, sizeof at);
  }
  std::byte* encoded() const { return base_ + items_at(items_); }
  /// The rest of the block from there; another process may have written the number.
  Reader encoded_item(std::size_t i) const {
    std::uint64_t at = 0;
    std::memcpy(&at, base_ + starts_at(items_) + i * sizeof at, sizeof at);
    const auto room = size_ - items_at(items_);
    if (at > room) throw DecodeError("an item of a map has been overwritten");
    return Reader(encoded() + at, room - at);
  }

 private:
  static constexpr std::size_t rounded(std::size_t n) { return (n + 63) / 64 * 64; }
  static std::size_t results_at(std::size_t items) { return rounded(items); }
  static std::size_t starts_at(std::size_t items) { return results_at(items) + rounded(items * result_size); }
  static std::size_t items_at(std::size_t items) {
    return starts_at(items) + (plain_items ? 0 : rounded(items * sizeof(std::uint64_t)));
  }

  std::byte* base_;
  std::size_t items_, size_;
};

/// The call of a chunk. StoredArgs: the item, then what each call gets besides.
template <class F, class StoredArgs>
struct ChunkCall;

template <class F, class Item, class... Extra>
struct ChunkCall<F, std::tuple<Item, Extra...>> {
  using Single = Call<F, std::tuple<Item, Extra...>>;
  using R = typename Single::Result;
  using Layout = ChunkLayout<Item, R>;

  /// `names`: what its items name, which the call keeps alive.
  static void encode_call(Writer& w, const F& f, const SharedBlock& block, const Chunk& chunk,
                          std::span<const ItemName> names, const Extra&... extra) {
    encode_function(w, f);
    w.value(block);
    w.value(chunk);
    (encode<Extra>(w, extra), ...);
    for (const auto& name : names) w.handle(name.object);
  }

  static void run(Reader& r, ResultSink* sink) {
    const F f = decode_function<F>(r);
    const auto block = r.value<SharedBlock>();
    const auto chunk = r.value<Chunk>();
    const std::tuple<Extra...> extra{decode<Extra>(r)...};
    r.end();
    const Layout layout = layout_of(block, chunk);
    const std::uint64_t spent = run_items(f, layout, chunk, extra);
    if (sink != nullptr)
      sink->deliver([](Writer& to, const void* v) { to.value(*static_cast<const std::uint64_t*>(v)); },
                    &spent);
  }

  /// The arguments of the item at which it ended.
  static std::string tell(Reader& r) {
    std::string text;
    if constexpr (is_function_pointer<F> || std::is_member_function_pointer_v<F> || std::is_empty_v<F>) {
      static_cast<void>(decode_function<F>(r));
      const auto block = r.value<SharedBlock>();
      const auto chunk = r.value<Chunk>();
      const Layout layout = layout_of(block, chunk);
      const auto at = layout.first_not_done(chunk.first, chunk.first + chunk.count);
      if (at == chunk.first + chunk.count) return {};
      Reader item = reader_of(layout, at);
      static_cast<void>(tell_next<Item>(text, item) && (tell_next<Extra>(text, r) && ...));
    }
    return text == untold ? "" : text;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static Layout layout_of(const SharedBlock& block, const Chunk& chunk) {
    if (chunk.first > chunk.all || chunk.count > chunk.all - chunk.first) {
      throw DecodeError("a chunk of a map names items that it does not have");
    }
    return Layout(block, chunk.all);
  }
  static Reader reader_of(const Layout& layout, std::size_t i) {
    if constexpr (Layout::plain_items)
      return Reader(layout.plain_item(i), sizeof(Item));
    else
      return layout.encoded_item(i);
  }

  // Ends early when it takes longer than it should; looks at the clock seldom enough for tiny items. Returns
  // the nanoseconds that it took.
  static std::uint64_t run_items(const F& f, const Layout& layout, const Chunk& chunk,
                                 const std::tuple<Extra...>& extra) {
    constexpr std::uint64_t between_looks = 64;
    const auto begin = Clock::now();
    auto seen = begin;
    std::uint64_t stride = 1;
    std::uint64_t left = stride;
    for (auto i = chunk.first; i != chunk.first + chunk.count; ++i) {
      layout.state(i).store(ItemState::begun, std::memory_order_relaxed);
      run_item(f, layout, i, extra);
      layout.state(i).store(ItemState::done, std::memory_order_release);
      if (--left != 0) continue;
      const auto now = Clock::now();
      if (chunk.nanoseconds != 0 && now - begin > std::chrono::nanoseconds(chunk.nanoseconds)) break;
      stride = now - seen < std::chrono::microseconds(2) ? std::min(stride * 2, between_looks) : 1;
      left = stride;
      seen = now;
    }
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - begin).count());
  }

  // As a call by itself: with arguments, and a function object, of its own.
  static void run_item(const F& f, const Layout& layout, std::size_t i, const std::tuple<Extra...>& extra) {
    Reader from = reader_of(layout, i);
    Item item = decode<Item>(from);
    F own = f;
    const auto call = [&]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
      return invoke_here(own, std::move(item), own_extra<I>(std::get<I>(extra))...);
    };
    if constexpr (std::is_void_v<R>) {
      call(std::index_sequence_for<Extra...>{});
    } else {
      const R value = call(std::index_sequence_for<Extra...>{});
      Writer to(layout.result(i), sizeof(R));
      to.value(value);
    }
  }

  // A copy; none for a parameter that only looks at it.
  template <std::size_t I, class T>
  static decltype(auto) own_extra(const T& value) {
    if constexpr (ParametersFor<F>::known) {
      constexpr auto first = first_parameter<F, 1 + sizeof...(Extra)>;
      if constexpr (std::is_lvalue_reference_v<Parameter<F, first + 1 + I>>)
        return static_cast<const T&>(value);
      else
        return T(value);
    } else {
      return T(value);
    }
  }
};

}  // namespace brood::detail
