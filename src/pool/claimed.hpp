#pragma once
// A slot's claims about its result, copied first and then checked, because the worker may write there at any
// time.

#include <brood/detail/names.hpp>
#include <brood/detail/record.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <vector>

#include "arena/arena.hpp"
#include "base/copied.hpp"
#include "pool/lane_layout.hpp"

namespace brood::pool {

class Claimed {
 public:
  explicit Claimed(const Slot& slot)
      : content_(copied(slot.content)),
        size_(copied(slot.size)),
        run_{copied(slot.run_offset), copied(slot.run_generation)},
        names_(copied(slot.names)),
        bytes_(slot.data) {}

  /// Null when the claims are plausible, otherwise the exception with which the task fails. From here on a
  /// run belongs to this process, whatever happens to the worker. `worker`: the worker's number in the arena.
  std::exception_ptr check(std::uint32_t worker) {
    const bool here = !run_ && size_ <= sizeof Slot::data && names_ == 0;
    return here ? nullptr : check_rest(worker);
  }

  bool is_exception() const { return content_ == Content::exception; }
  /// True when the result is in a run of the arena; checking it requires the worker's number.
  bool has_run() const { return static_cast<bool>(run_); }

  bool has_names() const { return names_ != 0; }

  // Call the following only after a successful check. Each frees everything in the arena that it does not
  // mention.
  /// Moves the result into the record, including the run.
  void keep(detail::Record& record) const {
    record.names = names_;
    if (run_ || size_ > record.small.size()) return keep_large(record);
    std::memcpy(record.small.data(), bytes_, size_);
    record.size = static_cast<std::uint32_t>(size_);
  }
  /// Copies out all bytes and frees the run.
  std::vector<std::byte> take_bytes();
  detail::Names names() const {
    return detail::names_behind(bytes_ + size_ - detail::size_of_names(names_), names_);
  }
  void drop() {
    if (run_) arena::free(run_);
    run_ = {};
  }

 private:
  std::exception_ptr check_rest(std::uint32_t worker);
  void keep_large(detail::Record& record) const;

  Content content_;
  std::uint64_t size_;  // of the value and the names after it
  arena::Run run_;
  std::uint32_t names_;
  const std::byte* bytes_;
};

}  // namespace brood::pool
