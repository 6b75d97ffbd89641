#pragma once
// A map in chunks that returns all results together.

#include <brood/detail/chunks.hpp>
#include <cstring>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace brood::detail {

/// Keeps the failure of the first item, in item order, that has one.
class FirstFailure {
 public:
  void note(std::size_t item, const std::exception_ptr& error);
  void rethrow() const;

 private:
  std::exception_ptr error_;
  std::size_t item_ = 0;
};

/// Stores each result at its item's index, in whatever order they arrive.
template <class R>
class MappedResults final : public MapSink {
 public:
  void reserve(std::size_t n) { values_.resize(n); }
  void take_row(std::size_t first, const DoneItems& done) override {
    make_room(first + done.count());
    if constexpr (direct) {
      std::memcpy(static_cast<void*>(values_.data() + first), done.row(), done.count() * sizeof(R));
    } else {
      for (std::size_t i = 0; i != done.count(); ++i) {
        try {
          const auto bytes = done[i];
          values_[first + i].emplace(decode_all<R>(bytes.data(), bytes.size()));
        } catch (...) {
          fail(first + i, 1, std::current_exception());
        }
      }
    }
  }
  void take_one(std::size_t item, std::span<const std::byte> value, Future<void>, HeldNames) override {
    make_room(item + 1);
    if constexpr (direct)
      values_[item] = decode_all<R>(value.data(), value.size());
    else
      values_[item].emplace(decode_all<R>(value.data(), value.size()));
  }
  void fail(std::size_t item, std::size_t, const std::exception_ptr& error) override {
    failure_.note(item, error);
  }

  /// The results of n items. Throws the failure of the first item that failed.
  std::vector<R> results(std::size_t n) {
    failure_.rethrow();
    if constexpr (direct) {
      values_.resize(n);
      return std::move(values_);
    } else {
      std::vector<R> results;
      results.reserve(n);
      for (std::size_t i = 0; i != n; ++i) results.push_back(std::move(*values_[i]));
      return results;
    }
  }

 private:
  static constexpr bool direct = is_plain<R>() && std::is_default_constructible_v<R> &&
                                 std::is_move_assignable_v<R> && !std::is_same_v<R, bool>;
  void make_room(std::size_t n) {
    if (n > values_.size()) values_.resize(n > 2 * values_.size() ? n : 2 * values_.size());
  }

  std::vector<std::conditional_t<direct, R, std::optional<R>>> values_;
  FirstFailure failure_;
};
template <>
class MappedResults<void> final : public MapSink {
 public:
  void reserve(std::size_t) {}
  void take_row(std::size_t, const DoneItems&) override {}
  void take_one(std::size_t, std::span<const std::byte>, Future<void>, HeldNames) override {}
  void fail(std::size_t item, std::size_t, const std::exception_ptr& error) override {
    failure_.note(item, error);
  }
  void results(std::size_t) { failure_.rethrow(); }

 private:
  FirstFailure failure_;
};

}  // namespace brood::detail
