#pragma once
// A map in batches, called chunks: the items are in one block of shared memory, and each task works on a run
// of adjacent items. Batching never changes the results. Each item has a state in the block, so when a chunk
// is cut short by a death or an exception, the items before that point are done, one has failed, and those
// after it were never begun and go into other chunks.

#include <brood/detail/callable.hpp>
#include <brood/detail/chunk_layout.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// The result of a chunk's task: how long it took and, for results of varying size, the one for which there
/// was no room, if any, encoded as an optional.
template <class R>
struct ChunkEnd {
  std::uint64_t nanoseconds = 0;
  std::optional<R> last;
  static void write(Writer& to, const void* end) {
    const auto& self = *static_cast<const ChunkEnd*>(end);
    to.value(self.nanoseconds);
    encode(to, self.last);
  }
};
struct ChunkEndInRows {
  std::uint64_t nanoseconds = 0;
  static void write(Writer& to, const void* end);
};

/// The call of a chunk. StoredArgs: the item, then the extra arguments of every call.
template <class F, class StoredArgs>
struct ChunkCall;

template <class F, class Item, class... Extra>
struct ChunkCall<F, std::tuple<Item, Extra...>> {
  using R = typename Call<F, std::tuple<Item, Extra...>>::Result;
  static constexpr MapTypes types = map_types<Item, R>();

  /// `names`: the shared objects that the chunk's items name; the call keeps them alive.
  static void encode_call(Writer& w, const F& f, const ChunkTask& task, std::span<const ItemName> names,
                          const Extra&... extra) {
    encode_function(w, f);
    task.write(w, types);
    (encode<Extra>(w, extra), ...);
    for (const auto& name : names) w.handle(name.object);
  }

  static void run(Reader& r, ResultSink* sink) {
    const F f = decode_function<F>(r);
    const ChunkTask task = ChunkTask::read(r, types);
    const std::tuple<Extra...> extra{decode<Extra>(r)...};
    r.end();
    const auto end = run_items(f, task, extra);
    if (sink != nullptr) sink->deliver(&end.write, &end);
  }

  /// The arguments of the item at which the chunk ended.
  static std::string tell(Reader& r) {
    std::string text;
    if constexpr (is_code_alone<F>) {
      static_cast<void>(decode_function<F>(r));
      const auto [items, results, chunk] = ChunkTask::read(r, types);
      const ChunkLayout layout(types, items, chunk.all);
      const auto at = layout.first_not_done(chunk.first, chunk.first + chunk.count);
      if (at == chunk.first + chunk.count) return {};
      Reader item = reader_of(layout, at);
      static_cast<void>(tell_next<Item>(text, item) && (tell_next<Extra>(text, r) && ...));
    }
    return text == untold ? "" : text;
  }

 private:
  static Reader reader_of(const ChunkLayout& layout, std::size_t i) {
    if constexpr (types.item_size != 0)
      return Reader(layout.items() + i * sizeof(Item), sizeof(Item));
    else
      return layout.encoded_item(i);
  }

  // Ends early when the chunk takes longer than it should, and at a result for which there is no room.
  static auto run_items(const F& f, const ChunkTask& task, const std::tuple<Extra...>& extra) {
    const Chunk chunk = task.chunk;
    const ChunkLayout layout(types, task.items, chunk.all);
    std::conditional_t<types.in_rows, ChunkEndInRows, ChunkEnd<R>> end;
    std::optional<ResultRow> row;
    if constexpr (!types.in_rows) row.emplace(task.results, chunk.count);
    SeldomLook clock;
    const auto behind = chunk.first + chunk.count;
    for (auto i = chunk.first; i != behind;) {
      // The inner loop handles items only, so that everything it needs stays in registers.
      const auto stop = behind - i < clock.stride() ? behind : i + clock.stride();
      for (; i != stop; ++i) {
        // relaxed: `begun` is examined only when the task has ended.
        layout.state(i).store(ItemState::begun, std::memory_order_relaxed);
        if constexpr (types.in_rows) {
          run_item(f, layout, i, extra);
        } else {
          R value = call_of(f, layout, i, extra);
          if (!row->put(i - chunk.first, value)) {
            end.last.emplace(std::move(value));
            end.nanoseconds = clock.spent();
            return end;
          }
        }
        layout.state(i).store(ItemState::done, std::memory_order_release);
      }
      if (clock.look(chunk.nanoseconds)) break;
    }
    end.nanoseconds = clock.spent();
    return end;
  }

  static void run_item(const F& f, const ChunkLayout& layout, std::size_t i,
                       const std::tuple<Extra...>& extra) {
    if constexpr (std::is_void_v<R>) {
      call_of(f, layout, i, extra);
    } else {
      const R value = call_of(f, layout, i, extra);
      Writer to(layout.results() + i * sizeof(R), sizeof(R));
      encode<R>(to, value);
    }
  }

  // Each item's call gets its own copy of the arguments and of the function object, like a call by itself.
  static R call_of(const F& f, const ChunkLayout& layout, std::size_t i, const std::tuple<Extra...>& extra) {
    Reader from = reader_of(layout, i);
    Item item = decode<Item>(from);
    F own = f;
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> R {
      return static_cast<R>(invoke_here(own, std::move(item), own_extra<I>(std::get<I>(extra))...));
    }(std::index_sequence_for<Extra...>{});
  }

  // Copies the argument, unless the parameter is a reference, which can only be const here.
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
