#pragma once
// A call that waits in this process for another one to make it.

#include <brood/detail/callable.hpp>
#include <brood/detail/names.hpp>
#include <cstddef>
#include <utility>
#include <vector>

namespace brood::detail {

/// What names of functions need: this process is set up, as by brood::init. Throws UsageError.
void require_set_up();

class PackedCall {
 public:
  PackedCall() = default;
  /// The names have been counted.
  PackedCall(Thunk call, std::vector<std::byte> encoded, Names names)
      : thunk_(call), bytes_(std::move(encoded)), names_(std::move(names)) {}
  PackedCall(PackedCall&& other) noexcept
      : thunk_(std::exchange(other.thunk_, nullptr)),
        bytes_(std::move(other.bytes_)),
        names_(std::exchange(other.names_, {})) {}
  PackedCall& operator=(PackedCall&& other) noexcept {
    if (this != &other) {
      give_names_back(names_);
      thunk_ = std::exchange(other.thunk_, nullptr);
      bytes_ = std::move(other.bytes_);
      names_ = std::exchange(other.names_, {});
    }
    return *this;
  }
  ~PackedCall() { give_names_back(names_); }

  explicit operator bool() const { return thunk_ != nullptr; }
  Thunk thunk() const { return thunk_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  const Names& names() const { return names_; }

  /// Makes the call here; it can be made again, or sent.
  void run() const;
  /// Names more objects, of a call that its bytes hold; they have been counted.
  void add_names(const Names& more) { names_.insert(names_.end(), more.begin(), more.end()); }
  /// It is on its way: what it names is the receiver's now.
  Names sent() {
    thunk_ = nullptr;
    bytes_ = {};
    return std::exchange(names_, {});
  }

 private:
  Thunk thunk_ = nullptr;
  std::vector<std::byte> bytes_;
  Names names_;
};

template <class CallType, class F, class... Args>
PackedCall pack_stored(const F& f, const Args&... args) {
  std::vector<std::byte> bytes(256);
  for (;;) {
    Writer w(bytes.data(), bytes.size());
    CallType::encode_call(w, f, args...);
    const bool fits = w.fits();
    bytes.resize(w.written());
    if (!fits) continue;
    count_names(w.handles());
    return PackedCall(&CallType::run_only, std::move(bytes), w.handles());
  }
}

template <class F, class... Args>
PackedCall pack(F&& f, Args&&... args) {
  using Function = std::decay_t<F>;
  using Tuple = Stored<Function, Args...>;
  require_set_up();
  return [&]<class... To>(std::type_identity<std::tuple<To...>>) {
    return pack_stored<Call<Function, Tuple>>(f, as_stored<To>(std::forward<Args>(args))...);
  }(std::type_identity<Tuple>{});
}

}  // namespace brood::detail
