#include "channel/solo_ring_code.hpp"

namespace brood::channel {

template class BasicSoloRing<Word64>;

}  // namespace brood::channel
