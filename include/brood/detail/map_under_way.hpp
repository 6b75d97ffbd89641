#pragma once
// Maps that nobody waits for.

#include <brood/detail/chunked_map.hpp>
#include <brood/detail/pool_core.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace brood::detail {

/// Of all items; nothing where they return nothing.
template <class R>
using AllResults = std::conditional_t<std::is_void_v<R>, std::monostate, std::vector<R>>;

/// A map in chunks on its way, whatever it calls.
template <class R>
class MapUnderWay final : public ChunksUnderWay {
 public:
  /// As ChunksUnderWay::begin.
  void begin(PoolHandle pool, std::size_t chunksize, const MapTypes& types,
             std::unique_ptr<const ChunkFunction> function, ItemReader& items) {
    mapped_.reserve(ChunksUnderWay::begin(std::move(pool), chunksize, types, std::move(function), items));
  }
  /// When it is over and has not failed.
  AllResults<R>& results() { return results_; }

 private:
  MapSink& sink() override { return mapped_; }
  void end(std::size_t n) override {
    if constexpr (std::is_void_v<R>)
      mapped_.results(n);
    else
      results_ = mapped_.results(n);
  }

  MappedResults<R> mapped_;
  AllResults<R> results_;
};

}  // namespace brood::detail
