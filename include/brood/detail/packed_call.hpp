#pragma once
// A call that waits in this process for another one to make it.

#include <brood/detail/callable.hpp>
#include <cstddef>
#include <utility>
#include <vector>

namespace brood::detail {

/// Shared objects that a message names: counted while it is on its way.
void count_handles(const std::vector<std::uint64_t>& objects);

class PackedCall {
 public:
  PackedCall() = default;
  PackedCall(Thunk call, Thunk drop, std::vector<std::byte> encoded, std::vector<std::uint64_t> objects)
      : thunk_(call), drop_(drop), bytes_(std::move(encoded)), objects_(std::move(objects)) {}
  PackedCall(PackedCall&& other) noexcept
      : thunk_(std::exchange(other.thunk_, nullptr)),
        drop_(other.drop_),
        bytes_(std::move(other.bytes_)),
        objects_(std::exchange(other.objects_, {})) {}
  PackedCall& operator=(PackedCall&& other) noexcept {
    if (this != &other) {
      discard();
      thunk_ = std::exchange(other.thunk_, nullptr);
      drop_ = other.drop_;
      bytes_ = std::move(other.bytes_);
      objects_ = std::exchange(other.objects_, {});
    }
    return *this;
  }
  ~PackedCall() { discard(); }

  explicit operator bool() const { return thunk_ != nullptr; }
  Thunk thunk() const { return thunk_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  bool names_objects() const { return !objects_.empty(); }
  const std::vector<std::uint64_t>& objects() const { return objects_; }

  /// Makes the call here; it can be made again, or sent.
  void run() const;
  /// It is on its way: what it names is the receiver's now.
  void sent() {
    thunk_ = nullptr;
    objects_ = {};
    bytes_ = {};
  }

 private:
  void discard() noexcept;

  Thunk thunk_ = nullptr;
  Thunk drop_ = nullptr;
  std::vector<std::byte> bytes_;
  std::vector<std::uint64_t> objects_;
};

template <class CallType, class F, class... Args>
PackedCall pack_stored(const F& f, const Args&... args) {
  std::vector<std::byte> bytes(256);
  std::vector<std::uint64_t> handles;
  for (;;) {
    Writer w(bytes.data(), bytes.size());
    CallType::encode_call(w, f, args...);
    const bool fits = w.fits();
    bytes.resize(w.written());
    if (!fits) continue;
    handles = w.handles();
    break;
  }
  count_handles(handles);
  return PackedCall(&CallType::run_only, &CallType::drop, std::move(bytes), std::move(handles));
}

template <class F, class... Args>
PackedCall pack(F&& f, Args&&... args) {
  using Function = std::decay_t<F>;
  using Tuple = Stored<Function, Args...>;
  return [&]<class... To>(std::type_identity<std::tuple<To...>>) {
    return pack_stored<Call<Function, Tuple>>(f, as_stored<To>(std::forward<Args>(args))...);
  }(std::type_identity<Tuple>{});
}

}  // namespace brood::detail
