#include "pool/claimed.hpp"

#include <brood/errors.hpp>
#include <cstring>

#include "base/copied.hpp"

namespace brood::pool {

namespace {

std::exception_ptr noise(const char* what) { return std::make_exception_ptr(DecodeError(what)); }
void free_block(std::uint64_t name) { arena::free(arena::Run::at(arena::Place{name})); }

}  // namespace

Claimed::Claimed(const Slot& slot)
    : content_(copied(slot.content)),
      size_(copied(slot.size)),
      run_{copied(slot.run_offset), copied(slot.run_generation)},
      names_(copied(slot.names)),
      bytes_(slot.data) {}

std::exception_ptr Claimed::check(std::uint32_t worker) {
  if (run_) {
    // The whole run must be the worker's: a length that is noise asks for memory that nobody has.
    if (worker == 0 || !arena::owned_by(run_, worker) || arena::size_of(run_) < size_) {
      run_ = {};
      return noise("the worker's lane names a result that does not exist");
    }
    arena::take_over(run_);
    bytes_ = arena::at(run_.offset, size_);
  } else if (size_ > sizeof Slot::data) {
    return noise("the worker's lane holds a result of an impossible length");
  }
  return detail::size_of_names(names_) > size_ ? noise("the worker's lane holds a result of impossible names")
                                               : nullptr;
}

void Claimed::keep(detail::Record& record) const {
  record.names = names_;
  if (run_) {
    record.block = bytes_;
    record.block_size = size_;
    record.block_name = run_.place().bits;
    record.release = &free_block;
  } else if (size_ <= record.small.size()) {
    std::memcpy(record.small.data(), bytes_, size_);
    record.size = static_cast<std::uint32_t>(size_);
  } else {
    record.large.assign(bytes_, bytes_ + size_);
  }
}

std::vector<std::byte> Claimed::take_bytes() {
  std::vector<std::byte> copy(bytes_, bytes_ + size_);
  drop();
  return copy;
}

}  // namespace brood::pool
