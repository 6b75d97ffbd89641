#pragma once
// An encoded call, kept in this process until another process makes it.

#include <brood/detail/callable.hpp>
#include <brood/detail/names.hpp>
#include <cstddef>
#include <utility>
#include <vector>

namespace brood::detail {

/// Ensures that this process is set up, as by brood::init; references to functions need that. Throws
/// UsageError.
void require_set_up();

class PackedCall {
 public:
  PackedCall() = default;
  PackedCall(Thunk call, std::vector<std::byte> encoded, HeldNames names)
      : thunk_(call), bytes_(std::move(encoded)), names_(std::move(names)) {}

  explicit operator bool() const { return thunk_ != nullptr; }
  Thunk thunk() const { return thunk_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  const Names& names() const { return names_.names(); }

  /// Makes the call in this process; afterwards it can be made again, or sent.
  void run() const;
  /// Holds further objects, for a call contained in this call's bytes.
  void add_names(const Names& more) { names_.add(HeldNames::of(more)); }
  /// Call when the call has been sent. Returns the names it holds, to be held until nobody will read the call
  /// any more.
  HeldNames sent();

 private:
  Thunk thunk_ = nullptr;
  std::vector<std::byte> bytes_;
  HeldNames names_;
};

template <class CallType, class F, class... Args>
PackedCall pack_stored(Thunk thunk, const F& f, const Args&... args) {
  std::vector<std::byte> bytes(256);
  for (;;) {
    Writer w(bytes.data(), bytes.size());
    CallType::encode_call(w, f, args...);
    const bool fits = w.fits();
    bytes.resize(w.written());
    if (!fits) continue;
    return PackedCall(thunk, std::move(bytes), HeldNames::of(w.handles()));
  }
}

/// Encodes a call. `keeps`: the result becomes the state of the process that makes the call; otherwise it is
/// dropped.
template <bool keeps = false, class F, class... Args>
PackedCall pack(F&& f, Args&&... args) {
  using Function = std::decay_t<F>;
  using Tuple = Stored<Function, Args...>;
  require_set_up();
  return [&]<class... To>(std::type_identity<std::tuple<To...>>) {
    using Made = Call<Function, Tuple>;
    constexpr Thunk thunk = keeps ? &Made::run_and_keep : &Made::run_only;
    return pack_stored<Made>(thunk, f, as_stored<To>(std::forward<Args>(args))...);
  }(std::type_identity<Tuple>{});
}

}  // namespace brood::detail
