#pragma once
// Maps that nobody waits for.

#include <brood/detail/chunked_map.hpp>
#include <brood/detail/chunks.hpp>
#include <brood/detail/pool_core.hpp>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace brood::detail {

/// Of all items; nothing where they return nothing.
template <class R>
using AllResults = std::conditional_t<std::is_void_v<R>, std::monostate, std::vector<R>>;

/// A map on its way, whatever it calls.
template <class R>
class MapUnderWay : public UnderWay {
 public:
  std::exception_ptr failure() const final { return failure_; }
  /// When it is over and has not failed.
  AllResults<R>& results() { return results_; }

 protected:
  std::exception_ptr failure_;
  AllResults<R> results_;
};

/// In chunks. The items have been read when it has been made, and are not needed any more.
template <class Item, class R, class Range>
class ChunksUnderWay final : public MapUnderWay<R> {
 public:
  /// Throws what the range throws, and codecs; nothing has been submitted then.
  ChunksUnderWay(PoolHandle pool, std::size_t chunksize,
                 std::unique_ptr<const ChunkFunction<Item, R>> function, Range& items)
      : pool_(std::move(pool)) {
    chunks_.emplace(*pool_, ChunkPlan{chunksize, false}, std::move(function), items);
    chunks_->read_all();
    mapped_.reserve(chunks_->items_read());
  }

  bool go_on() override {
    try {
      do {
        chunks_->settle_ended(mapped_);
        chunks_->fill(mapped_);
      } while (chunks_->has_ended_ones());
      if (chunks_->is_under_way()) return false;
      const auto n = chunks_->items_read();
      if constexpr (std::is_void_v<R>)
        mapped_.results(n);
      else
        this->results_ = mapped_.results(n);
    } catch (...) {
      this->failure_ = std::current_exception();
    }
    chunks_.reset();
    pool_.reset();  // which may be at its end before the results are looked at
    return true;
  }

 private:
  std::optional<PoolHandle> pool_;
  std::optional<Chunks<Item, R, Range>> chunks_;
  MappedResults<R> mapped_;
};

template <class Item, class R, class Range>
std::shared_ptr<MapUnderWay<R>> begin_in_chunks(PoolHandle pool, std::size_t chunksize,
                                                std::unique_ptr<const ChunkFunction<Item, R>> function,
                                                Range& items) {
  return std::make_shared<ChunksUnderWay<Item, R, Range>>(std::move(pool), chunksize, std::move(function),
                                                          items);
}

}  // namespace brood::detail
