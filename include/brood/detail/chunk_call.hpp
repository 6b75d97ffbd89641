#pragma once
// A map in chunks: the items lie in one block of shared memory, and each task works on some that stand next
// to each other. A chunk never changes what comes out. Each item has a state in the block, so that of a chunk
// that was cut short, by a death or by an exception, the items before are done, one has failed, and those
// behind were never begun and go into other chunks.

#include <brood/detail/callable.hpp>
#include <brood/detail/chunk_layout.hpp>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace brood::detail {

/// The call of a chunk. StoredArgs: the item, then what each call gets besides.
template <class F, class StoredArgs>
struct ChunkCall;

template <class F, class Item, class... Extra>
struct ChunkCall<F, std::tuple<Item, Extra...>> {
  using Single = Call<F, std::tuple<Item, Extra...>>;
  using R = typename Single::Result;
  using Layout = ChunkLayout<Item, R>;

  using End = ChunkEnd<R>;
  static constexpr bool in_rows = is_of_one_size<R>();

  /// `results`: for those that are not of one size; an empty one else. `names`: what its items name, which
  /// the call keeps alive.
  static void encode_call(Writer& w, const F& f, const SharedBlock& items, const SharedBlock& results,
                          const Chunk& chunk, std::span<const ItemName> names, const Extra&... extra) {
    encode_function(w, f);
    w.value(items);
    w.value(chunk);
    if constexpr (!in_rows) w.value(results);
    (encode<Extra>(w, extra), ...);
    for (const auto& name : names) w.handle(name.object);
  }

  static void run(Reader& r, ResultSink* sink) {
    const F f = decode_function<F>(r);
    const auto items = r.value<SharedBlock>();
    const auto chunk = r.value<Chunk>();
    const auto results = results_of(r);
    const std::tuple<Extra...> extra{decode<Extra>(r)...};
    r.end();
    const Layout layout = layout_of(items, chunk);
    const End end = [&] {
      if constexpr (in_rows)
        return run_items(f, layout, chunk, extra, nullptr);
      else
        return run_items(f, layout, chunk, extra, ResultRow(results, chunk.count));
    }();
    if (sink != nullptr)
      sink->deliver([](Writer& to, const void* v) { to.value(*static_cast<const End*>(v)); }, &end);
  }

  /// The arguments of the item at which it ended.
  static std::string tell(Reader& r) {
    std::string text;
    if constexpr (is_code_alone<F>) {
      static_cast<void>(decode_function<F>(r));
      const auto items = r.value<SharedBlock>();
      const auto chunk = r.value<Chunk>();
      static_cast<void>(results_of(r));
      const Layout layout = layout_of(items, chunk);
      const auto at = layout.first_not_done(chunk.first, chunk.first + chunk.count);
      if (at == chunk.first + chunk.count) return {};
      Reader item = reader_of(layout, at);
      static_cast<void>(tell_next<Item>(text, item) && (tell_next<Extra>(text, r) && ...));
    }
    return text == untold ? "" : text;
  }

 private:
  static SharedBlock results_of(Reader& r) {
    if constexpr (in_rows)
      return {};
    else
      return r.value<SharedBlock>();
  }
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

  // Ends early when it takes longer than it should, and at a result that there is no place for.
  template <class Row>
  static End run_items(const F& f, const Layout& layout, const Chunk& chunk,
                       const std::tuple<Extra...>& extra, Row row) {
    End end;
    SeldomLook clock;
    for (auto i = chunk.first; i != chunk.first + chunk.count; ++i) {
      layout.state(i).store(ItemState::begun, std::memory_order_relaxed);
      if constexpr (in_rows) {
        run_item(f, layout, i, extra);
      } else {
        R value = call_of(f, layout, i, extra);
        if (!row.put(i - chunk.first, value)) {
          end.last.emplace(std::move(value));
          break;
        }
      }
      layout.state(i).store(ItemState::done, std::memory_order_release);
      if (clock.is_past(chunk.nanoseconds)) break;
    }
    end.nanoseconds = clock.spent();
    return end;
  }

  static void run_item(const F& f, const Layout& layout, std::size_t i, const std::tuple<Extra...>& extra) {
    if constexpr (std::is_void_v<R>) {
      call_of(f, layout, i, extra);
    } else {
      const R value = call_of(f, layout, i, extra);
      Writer to(layout.result(i), sizeof(R));
      to.value(value);
    }
  }

  // As a call by itself: with arguments, and a function object, of its own.
  static R call_of(const F& f, const Layout& layout, std::size_t i, const std::tuple<Extra...>& extra) {
    Reader from = reader_of(layout, i);
    Item item = decode<Item>(from);
    F own = f;
    return [&]<std::size_t... I>(std::index_sequence<I...>) -> R {
      return static_cast<R>(invoke_here(own, std::move(item), own_extra<I>(std::get<I>(extra))...));
    }(std::index_sequence_for<Extra...>{});
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
