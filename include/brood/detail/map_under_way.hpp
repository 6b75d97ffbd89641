#pragma once
// Asynchronous maps.

#include <brood/detail/chunked_map.hpp>
#include <brood/detail/pool_core.hpp>
#include <brood/detail/std_parts.hpp>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace brood::detail {

/// The results of all items; std::monostate when the function returns nothing.
template <class R>
using AllResults = std::conditional_t<std::is_void_v<R>, std::monostate, std::vector<R>>;

/// An asynchronous map in chunks, whose results are of type R.
template <class R>
class MapUnderWay final : public ChunksUnderWay {
 public:
  /// Begins the map; see ChunksUnderWay::begin.
  void begin(PoolHandle pool, std::size_t chunksize, const MapTypes& types,
             std::unique_ptr<const ChunkFunction> function, ItemReader& items) {
    mapped_.reserve(ChunksUnderWay::begin(std::move(pool), chunksize, types, std::move(function), items));
  }
  /// The results; valid when the map is over and has not failed.
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
