#pragma once
// A map in chunks, from the side of who waits for it: how many items go into a chunk, and what came of each.

#include <algorithm>
#include <brood/detail/chunk_call.hpp>
#include <brood/detail/task.hpp>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

namespace brood::detail {

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

/// The results in their order, as they come.
template <class R>
class ChunkResults {
 public:
  void resize(std::size_t n) { rows_.resize(n * row); }
  void put(std::size_t first, const std::byte* from, std::size_t n) {
    if (n != 0) std::memcpy(static_cast<void*>(rows_.data() + first * row), from, n * sizeof(R));
  }
  std::vector<R> take() {
    if constexpr (direct) {
      return std::move(rows_);
    } else {
      std::vector<R> results;
      results.reserve(rows_.size() / sizeof(R));
      for (std::size_t at = 0; at != rows_.size(); at += sizeof(R))
        results.push_back(decode_all<R>(rows_.data() + at, sizeof(R)));
      return results;
    }
  }

 private:
  static constexpr bool direct = is_plain<R>() && std::is_default_constructible_v<R>;
  static constexpr std::size_t row = direct ? 1 : sizeof(R);
  std::conditional_t<direct, std::vector<R>, std::vector<std::byte>> rows_;
};
template <>
class ChunkResults<void> {};

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
    left_ = std::ranges::size(items);
    if constexpr (!std::is_void_v<R>) results_.resize(left_);
    const auto workers = static_cast<std::size_t>(pool_.size());
    running_.reserve(2 * workers);
    std::vector<const Record*> records;
    while (!broken_) {
      while (running_.size() < 2 * workers && more()) submit(next_part(at));
      if (running_.empty()) break;
      records.clear();
      for (const auto& each : running_) records.push_back(each.future.record());
      pool_.wait_any(records);
      settle_done();
    }
    for (auto& each : running_) each.future.wait();  // where the pool is at its end
    settle_done();
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<R>) return results_.take();
  }

 private:
  // Items that stand next to each other in the input, in a block that is used again when they are done.
  struct Block {
    SharedBlock memory;
    std::size_t before = 0, items = 0;
    std::vector<ItemName> names;
  };
  struct Part {
    std::shared_ptr<Block> block;
    std::size_t first = 0, count = 0;
  };
  struct Running {
    Part part;
    Future<std::uint64_t> future;
  };
  // One chunk of the arena: what is used again stays in the caches.
  static constexpr std::size_t usual_bytes = (std::size_t{64} << 10) - 64;
  // Of plain ones; three rows begin at multiples of 64.
  static constexpr std::size_t most_plain =
      std::max<std::size_t>(1, (usual_bytes - 3 * 64) / (sizeof(Item) + Layout::result_size + 1));
  static constexpr double wanted_seconds = 250e-6, least_seconds = 20e-6;
  static constexpr std::uint64_t most_nanoseconds = 1'000'000;

  bool more() const { return !broken_ && (left_ != 0 || !waiting_.empty()); }

  // What was left over first.
  template <class Iterator>
  Part next_part(Iterator& at) {
    const auto n = next_size();
    if (waiting_.empty()) return lay_out(at, std::min(n, left_));
    Part& from = waiting_.front();
    const Part part{from.block, from.first, std::min(from.count, n)};
    waiting_left_ -= part.count;
    from.first += part.count;
    from.count -= part.count;
    if (from.count == 0) waiting_.pop_front();
    return part;
  }

  // Enough of them that all workers end together, large enough that the work is more than the way.
  std::size_t next_size() const {
    if (chunksize_ != 0) return chunksize_;
    const auto workers = static_cast<std::size_t>(pool_.size());
    const auto left = left_ + waiting_left_;
    if (!seconds_each_) return std::max<std::size_t>(1, left / (16 * workers));
    const auto in = [&](double seconds) {
      return static_cast<std::size_t>(std::clamp(seconds / *seconds_each_, 1.0, 1e9));
    };
    return std::min(in(wanted_seconds), std::max(left / (2 * workers), in(least_seconds)));
  }

  // At most n of the next items; fewer where they do not fit.
  template <class Iterator>
  Part lay_out(Iterator& at, std::size_t n) {
    auto block = take_block();
    if constexpr (Layout::plain_items) {
      if (chunksize_ == 0) n = std::min(n, most_plain);
      make_room(*block, Layout::size(n, 0), n);
      copy_plain(Layout(block->memory, n), at, n);
    } else {
      starts_.clear();
      std::size_t size = 0;
      for (auto end = at; starts_.size() < n; ++end) {
        Writer measure(nullptr, 0);
        encode<Item>(measure, as_stored<Item>(*end));
        const auto more = size + measure.written();
        if (chunksize_ == 0 && !starts_.empty() && Layout::size(starts_.size() + 1, more) > usual_bytes)
          break;
        for (const auto object : measure.handles()) block->names.push_back({starts_.size(), object});
        starts_.push_back(size);
        size = more;
      }
      n = starts_.size();
      make_room(*block, Layout::size(n, size), n);
      const Layout layout(block->memory, n);
      Writer to(layout.encoded(), size);
      for (std::size_t i = 0; i < n; ++i, ++at) {
        layout.set_start(i, starts_[i]);
        encode<Item>(to, as_stored<Item>(*at));
      }
    }
    block->before = before_;
    before_ += n;
    left_ -= n;
    return {std::move(block), 0, n};
  }

  std::shared_ptr<Block> take_block() {
    if (free_.empty()) return std::make_shared<Block>();
    auto block = std::move(free_.back());
    free_.pop_back();
    block->names.clear();
    return block;
  }
  static void make_room(Block& block, std::size_t bytes, std::size_t items) {
    if (block.memory.size() < bytes) {
      block.memory = SharedBlock();  // its place may be used for the new one
      block.memory = SharedBlock(std::max(bytes, usual_bytes));
    }
    block.items = items;
    std::memset(block.memory.data(), 0, items);
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

  void submit(Part part) {
    const Block& block = *part.block;
    const Chunk chunk{part.first, part.count, block.items, chunksize_ != 0 ? 0 : most_nanoseconds};
    const auto write = [&](Writer& to) {
      std::apply(
          [&](const Extra&... e) { OneCall::encode_call(to, f_, block.memory, chunk, names_of(part), e...); },
          extra_);
    };
    try {
      Record& record = pool_.submit(task_type<OneCall, F>, EncodeCall::by(write), nullptr);
      running_.push_back({std::move(part), Future<std::uint64_t>(record)});
    } catch (...) {  // the pool takes no more; what is under way is waited for
      give_up(part, part.first);
    }
  }

  std::span<const ItemName> names_of(const Part& part) const {
    const auto& names = part.block->names;
    const auto from = std::ranges::lower_bound(names, part.first, {}, &ItemName::item);
    const auto to = std::ranges::lower_bound(names, part.first + part.count, {}, &ItemName::item);
    return {from, to};
  }

  void settle_done() {
    for (std::size_t i = 0; i < running_.size();) {
      if (!running_[i].future.is_done()) {
        ++i;
        continue;
      }
      Running ended = std::move(running_[i]);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      settle(ended);
    }
  }

  void settle(Running& ended) {
    Part& part = ended.part;
    const Layout layout(part.block->memory, part.block->items);
    const auto end = part.first + part.count;
    auto at = layout.first_not_done(part.first, end);
    const auto done = at - part.first;
    if constexpr (!std::is_void_v<R>) {
      results_.put(part.block->before + part.first, layout.result(part.first), done);
    }
    try {
      const auto spent = ended.future.get();
      if (done != 0) seconds_each_ = static_cast<double>(spent) * 1e-9 / static_cast<double>(done);
    } catch (const PoolTerminated&) {
      give_up(part, at);
    } catch (const PoolBroken&) {
      give_up(part, at);
    } catch (...) {
      // In the middle of an item; or between two, where nothing is lost, unless it got nowhere.
      if (at != end && (done == 0 || layout.state(at).load() == ItemState::begun)) {
        fail(part, at++);
      }
    }
    if (at != end) {
      waiting_left_ += end - at;
      waiting_.push_front({std::move(part.block), at, end - at});
    } else if (part.block.use_count() == 1) {
      free_.push_back(std::move(part.block));
    }
  }

  // With the exception that is being handled.
  void fail(const Part& part, std::size_t item) {
    item += part.block->before;
    if (failure_ && failed_item_ <= item) return;
    failure_ = std::current_exception();
    failed_item_ = item;
  }
  // The pool is at its end.
  void give_up(const Part& part, std::size_t item) {
    fail(part, item);
    broken_ = true;
  }

  PoolHandle& pool_;
  const std::size_t chunksize_;
  const F f_;
  const std::tuple<Extra...> extra_;
  std::size_t before_ = 0, left_ = 0;  // items that were, and are to be, laid out
  std::deque<Part> waiting_;
  std::size_t waiting_left_ = 0;  // items in there
  std::vector<Running> running_;
  std::vector<std::shared_ptr<Block>> free_;
  std::vector<std::uint64_t> starts_;  // of the items that are laid out now
  ChunkResults<R> results_;
  std::optional<double> seconds_each_;
  std::exception_ptr failure_;  // of the first item that has one
  std::size_t failed_item_ = 0;
  bool broken_ = false;  // the pool is at its end
};

}  // namespace brood::detail
