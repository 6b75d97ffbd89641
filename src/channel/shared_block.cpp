#include <brood/shared_block.hpp>
#include <limits>
#include <utility>

#include "arena/arena.hpp"
#include "arena/references.hpp"
#include "base/scope.hpp"
#include "channel/kinds.hpp"

namespace brood {
namespace {

constexpr std::uint32_t block_kind = 2;

// A block in the arena, followed by the user's bytes.
struct alignas(64) BlockObject {
  arena::ObjectHeader head;
  std::uint32_t generation;
  std::uint64_t size;
};

void destroy(std::uint64_t object) {
  arena::free({object, arena::object_at<BlockObject>(object)->generation});
}

[[gnu::constructor(200)]] void register_here() {
  channel::register_kind(
      block_kind, [](std::uint64_t, std::uint32_t) {}, &destroy);
}

}  // namespace

SharedBlock::SharedBlock(std::size_t bytes) {
  arena::require();
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw NoMemory("no block can be that large");
  const arena::Run run = arena::allocate(sizeof(BlockObject) + bytes);
  OnExit unheld([&] { arena::free(run); });
  std::byte* const at = arena::at(run.offset, sizeof(BlockObject) + bytes);
  auto* block = new (at) BlockObject{};
  block->head.kind = block_kind;
  block->generation = run.generation;
  block->size = bytes;
  arena::hold_new(run.offset);
  unheld.dismiss();
  arena::adopt(run);
  object_ = run.offset;
  data_ = at + sizeof(BlockObject);
  size_ = bytes;
}

SharedBlock::SharedBlock(const SharedBlock& other)
    : object_(other.object_), data_(other.data_), size_(other.size_) {
  if (object_ != 0) arena::hold(object_, block_kind);
}
SharedBlock::SharedBlock(SharedBlock&& other) noexcept
    : object_(std::exchange(other.object_, 0)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}
SharedBlock& SharedBlock::operator=(SharedBlock other) noexcept {
  std::swap(object_, other.object_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}
SharedBlock::~SharedBlock() {
  if (object_ != 0) arena::let_go(object_);
}

// A size in the header is trusted only up to the size of the run: other processes can write there.
void SharedBlock::no_whole_number(std::size_t of_size) const {
  throw UsageError("a block of " + std::to_string(size_) + " bytes holds no whole number of values of " +
                   std::to_string(of_size) + " bytes");
}

void SharedBlock::find() {
  const BlockObject copy = [&] {
    const auto& there = *arena::object_at<BlockObject>(object_);
    return BlockObject{{}, there.generation, there.size};
  }();
  const auto room = arena::size_of({object_, copy.generation});
  if (room < sizeof(BlockObject) || copy.size > room - sizeof(BlockObject)) {
    throw DecodeError("a message names a block of memory that has been overwritten");
  }
  data_ = arena::at(object_, sizeof(BlockObject) + copy.size) + sizeof(BlockObject);
  size_ = copy.size;
}

void Codec<SharedBlock>::encode(Writer& to, const SharedBlock& block) {
  to.value(block.object_);
  if (block.object_ != 0) to.handle(block.object_);
}

SharedBlock Codec<SharedBlock>::decode(Reader& from) {
  SharedBlock block;
  const auto object = from.value<std::uint64_t>();
  if (object == 0) return block;
  arena::require();
  arena::hold(object, block_kind);
  block.object_ = object;
  block.find();
  return block;
}

}  // namespace brood
