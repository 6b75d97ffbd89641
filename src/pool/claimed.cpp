#include "pool/claimed.hpp"

#include <brood/errors.hpp>

namespace brood::pool {

namespace {

std::exception_ptr noise(const char* what) { return std::make_exception_ptr(DecodeError(what)); }
void free_block(std::uint64_t name) { arena::free(arena::Run::at(arena::Place{name})); }

}  // namespace

std::exception_ptr Claimed::check_rest(std::uint32_t worker) {
  if (run_) {
    // The whole run must belong to the worker: a false length would claim memory outside it.
    if (worker == 0 || !arena::owned_by(run_, worker) || arena::size_of(run_) < size_) {
      run_ = {};
      return noise("the worker's lane names a result that does not exist");
    }
    arena::take_over(run_);
    bytes_ = arena::all_of(run_.offset, size_);
  } else if (size_ > sizeof Slot::data) {
    return noise("the worker's lane holds a result of an impossible length");
  }
  return detail::size_of_names(names_) > size_ ? noise("the worker's lane holds a result of impossible names")
                                               : nullptr;
}

void Claimed::keep_large(detail::Record& record) const {
  if (run_) {
    record.block = bytes_;
    record.block_size = size_;
    record.block_name = run_.place().bits;
    record.release = &free_block;
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
