#pragma once
// A map in chunks: the items lie in one block of shared memory, and each task works on some that stand next
// to each other. A chunk never changes what comes out. Each item has a state in the block, so that of a chunk
// that was cut short, by a death or by an exception, the items before are done, one has failed, and those
// behind were never begun and go into other chunks.

#include <algorithm>
#include <atomic>
#include <brood/detail/task.hpp>
#include <brood/shared_block.hpp>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <optional>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

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
      auto at = chunk.first;
      while (at != chunk.first + chunk.count && layout.state(at).load() == ItemState::done) ++at;
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
    constexpr std::uint64_t between_looks = 16;
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
      return std::invoke(own, std::move(item), own_extra<I>(std::get<I>(extra))...);
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
      if constexpr (std::is_lvalue_reference_v<std::tuple_element_t<I + 1, typename ParametersFor<F>::Tuple>>)
        return static_cast<const T&>(value);
      else
        return T(value);
    } else {
      return T(value);
    }
  }
};

/// What a map can do in chunks: results of one size, items that can be counted and read twice.
template <class Items, class F, class StoredArgs>
constexpr bool can_chunk() {
  using R = typename Call<F, StoredArgs>::Result;
  if constexpr (!std::ranges::forward_range<Items> || !std::ranges::sized_range<Items>) {
    return false;
  } else if constexpr (!std::is_copy_constructible_v<F>) {
    return false;
  } else if constexpr (![]<class First, class... More>(std::type_identity<std::tuple<First, More...>>) {
                         return (std::is_copy_constructible_v<More> && ...);
                       }(std::type_identity<StoredArgs>{})) {
    return false;
  } else if constexpr (std::is_void_v<R>) {
    return true;
  } else {
    return is_plain<R>() || std::is_same_v<R, bool>;
  }
}

/// One map, from the thread that waits for it.
template <class F, class StoredArgs>
class ChunkedMap;

template <class F, class Item, class... Extra>
class ChunkedMap<F, std::tuple<Item, Extra...>> {
 public:
  using OneCall = ChunkCall<F, std::tuple<Item, Extra...>>;
  using R = typename OneCall::R;
  using Layout = typename OneCall::Layout;

  /// `chunksize` 0: as measured.
  ChunkedMap(PoolHandle& pool, std::size_t chunksize, F f, const Extra&... extra)
      : pool_(pool), chunksize_(chunksize), f_(std::move(f)), extra_(extra...) {}

  template <class Items>
  auto run(Items& items) {
    auto at = std::ranges::begin(items);
    std::size_t left = std::ranges::size(items);
    Results results;
    if constexpr (!std::is_void_v<R>) results.reserve(left);
    while (left != 0) {
      // So many at a time that the block stays small; the last chunks of one and the first of the next do not
      // overlap, which costs little.
      const auto n = lay_out(at, left);
      work(n);
      if constexpr (!std::is_void_v<R>) {
        if (!failure_) collect(results, n);
      }
      left -= n;
      before_ += n;
      if (broken_) break;
    }
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<R>) return results;
  }

 private:
  struct Nothing {};
  using Results = typename std::conditional_t<std::is_void_v<R>, std::type_identity<Nothing>,
                                              std::type_identity<std::vector<R>>>::type;
  struct Range {
    std::size_t first, count;
  };
  struct Running {
    Range range;
    Future<std::uint64_t> future;
  };
  static constexpr std::size_t most_bytes = std::size_t{64} << 20;
  static constexpr double wanted_seconds = 250e-6, least_seconds = 20e-6;
  static constexpr std::uint64_t most_nanoseconds = 1'000'000;

  // The next items into a new block; how many.
  template <class Iterator>
  std::size_t lay_out(Iterator& at, std::size_t left) {
    names_.clear();
    if constexpr (Layout::plain_items) {
      const auto n =
          std::min(left, std::max<std::size_t>(1, most_bytes / (sizeof(Item) + Layout::result_size)));
      block_ = SharedBlock(Layout::size(n, 0));
      const Layout layout(block_, n);
      copy_plain(layout, at, n);
      forget_states(n);
      return n;
    } else {
      std::vector<std::uint64_t> starts;
      std::size_t size = 0;
      auto end = at;
      for (; starts.size() < left && size < most_bytes; ++end) {
        Writer measure(nullptr, 0);
        encode<Item>(measure, as_stored<Item>(*end));
        for (const auto object : measure.handles()) names_.push_back({starts.size(), object});
        starts.push_back(size);
        size += measure.written();
      }
      block_ = SharedBlock(Layout::size(starts.size(), size));
      const Layout layout(block_, starts.size());
      Writer to(layout.encoded(), size);
      for (std::size_t i = 0; i < starts.size(); ++i, ++at) {
        layout.set_start(i, starts[i]);
        encode<Item>(to, as_stored<Item>(*at));
      }
      forget_states(starts.size());
      return starts.size();
    }
  }
  template <class Iterator>
  static void copy_plain(const Layout& layout, Iterator& at, std::size_t n) {
    if constexpr (std::contiguous_iterator<Iterator> &&
                  std::is_same_v<std::remove_cvref_t<std::iter_reference_t<Iterator>>, Item>) {
      std::memcpy(layout.plain_item(0), std::to_address(at), n * sizeof(Item));
      at += static_cast<std::ptrdiff_t>(n);
    } else {
      for (std::size_t i = 0; i < n; ++i, ++at) {
        const Item item = as_stored<Item>(*at);
        std::memcpy(layout.plain_item(i), &item, sizeof item);
      }
    }
  }
  void forget_states(std::size_t n) { std::memset(block_.data(), 0, n); }

  void work(std::size_t n) {
    const std::size_t workers = static_cast<std::size_t>(pool_.size());
    waiting_.push_back({0, n});
    untouched_ = n;
    std::vector<Running> running;
    std::vector<const Record*> records;
    for (;;) {
      while (running.size() < 2 * workers && !waiting_.empty()) submit(running, workers, n);
      if (running.empty()) return;
      records.clear();
      for (const auto& each : running) records.push_back(each.future.record());
      pool_.wait_any(records);
      for (std::size_t i = 0; i < running.size();) {
        if (!running[i].future.is_done()) {
          ++i;
          continue;
        }
        Running ended = std::move(running[i]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        settle(ended, n);
      }
    }
  }

  // Enough of them that all workers end together, large enough that the work is more than the way.
  std::size_t next_size(std::size_t workers, std::size_t n) const {
    if (chunksize_ != 0) return chunksize_;
    if (!seconds_each_) return std::max<std::size_t>(1, n / (16 * workers));
    const auto in = [&](double seconds) {
      return static_cast<std::size_t>(std::clamp(seconds / *seconds_each_, 1.0, 1e9));
    };
    return std::min(in(wanted_seconds), std::max(untouched_ / (2 * workers), in(least_seconds)));
  }

  void submit(std::vector<Running>& running, std::size_t workers, std::size_t n) {
    Range& from = waiting_.front();
    const Range range{from.first, std::min(from.count, next_size(workers, n))};
    const Chunk chunk{range.first, range.count, n, chunksize_ != 0 ? 0 : most_nanoseconds};
    try {
      const auto write = [&](Writer& to) {
        std::apply(
            [&](const Extra&... e) { OneCall::encode_call(to, f_, block_, chunk, names_of(range), e...); },
            extra_);
      };
      using Write = decltype(write);
      static constexpr TaskType type{&OneCall::run, function_name<F>(), is_function_pointer<F>,
                                     &OneCall::tell};
      running.reserve(2 * workers);
      running.push_back(
          {range, Future<std::uint64_t>(pool_.submit(
                      type, {[](Writer& to, const void* w) { (*static_cast<const Write*>(w))(to); }, &write},
                      nullptr))});
    } catch (...) {  // the pool takes no more; what is under way is waited for
      fail(range.first, std::current_exception());
      give_up();
      return;
    }
    untouched_ -= range.count;
    from.first += range.count;
    from.count -= range.count;
    if (from.count == 0) waiting_.pop_front();
  }

  std::span<const ItemName> names_of(const Range& range) const {
    const auto from = std::ranges::lower_bound(names_, range.first, {}, &ItemName::item);
    const auto to = std::ranges::lower_bound(names_, range.first + range.count, {}, &ItemName::item);
    return {from, to};
  }

  void settle(Running& ended, std::size_t n) {
    const Layout layout(block_, n);
    const Range range = ended.range;
    auto at = range.first;
    const auto end = range.first + range.count;
    while (at != end && layout.state(at).load(std::memory_order_acquire) == ItemState::done) ++at;
    const auto done = at - range.first;
    try {
      const auto spent = ended.future.get();
      if (done != 0) seconds_each_ = static_cast<double>(spent) * 1e-9 / static_cast<double>(done);
    } catch (const PoolTerminated&) {
      fail(at, std::current_exception());
      return give_up();
    } catch (const PoolBroken&) {
      fail(at, std::current_exception());
      return give_up();
    } catch (...) {
      // In the middle of an item; or between two, where nothing is lost, unless it got nowhere.
      if (at != end && (done == 0 || layout.state(at).load() == ItemState::begun)) {
        fail(at++, std::current_exception());
      }
    }
    if (at == end) return;
    waiting_.push_front({at, end - at});
    untouched_ += end - at;
  }

  void fail(std::size_t item, std::exception_ptr error) {
    if (failure_ && failed_item_ <= before_ + item) return;
    failure_ = std::move(error);
    failed_item_ = before_ + item;
  }
  // No more of it: the pool is at its end.
  void give_up() {
    broken_ = true;
    waiting_.clear();
  }

  void collect(Results& results, std::size_t n) {
    if constexpr (!std::is_void_v<R>) {
      const Layout layout(block_, n);
      if constexpr (is_plain<R>() && std::is_default_constructible_v<R>) {
        const auto before = results.size();
        results.resize(before + n);
        std::memcpy(static_cast<void*>(results.data() + before), layout.result(0), n * sizeof(R));
      } else {
        for (std::size_t i = 0; i < n; ++i) {
          results.push_back(decode_all<R>(layout.result(i), sizeof(R)));
        }
      }
    }
  }

  PoolHandle& pool_;
  std::size_t chunksize_;
  F f_;
  std::tuple<Extra...> extra_;
  SharedBlock block_;
  std::deque<Range> waiting_;
  std::vector<ItemName> names_;
  std::size_t before_ = 0;     // items of earlier blocks
  std::size_t untouched_ = 0;  // in waiting_
  std::optional<double> seconds_each_;
  std::exception_ptr failure_;  // of the first item that has one
  std::size_t failed_item_ = 0;
  bool broken_ = false;
};

}  // namespace brood::detail
