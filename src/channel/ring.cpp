#include <brood/errors.hpp>

#include "channel/ring_code.hpp"

namespace brood::channel {

void Steps::operator()() {
  if (left_-- == 0) throw DecodeError("a queue has been overwritten; it cannot be used any more");
}

template class BasicRing<Word64>;

}  // namespace brood::channel
