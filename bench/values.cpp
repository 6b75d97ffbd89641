// Large values through a pool and a queue; values to bytes and back.

#include <malloc.h>

#include <algorithm>
#include <brood/brood.hpp>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness.hpp"
#include "peers/peers.hpp"

namespace bench {
namespace {

using Bytes = std::vector<char>;
constexpr std::size_t large = std::size_t{64} << 20;
constexpr int times = 5;

double gigabytes_a_second(std::size_t bytes, double seconds) {
  return static_cast<double>(bytes) / seconds / 1e9;
}

std::size_t size_of(const Bytes& bytes) { return bytes.size(); }
Bytes made(std::size_t size) { return Bytes(size, 'x'); }
std::size_t size_of_block(brood::SharedBlock block) { return block.size(); }
brood::SharedBlock same_block(brood::SharedBlock block) { return block; }
int nothing(int x) { return x; }

// Once before, so that the memory is there.
template <class Once>
double rate(Once once) {
  once();
  const Metered metered(times);
  for (int i = 0; i < times; ++i) {
    if (once() != large) return -1;
  }
  return gigabytes_a_second(times * large, metered.seconds());
}

double argument() {
  brood::Pool pool(1);
  const Bytes value(large, 'x');
  return rate([&] { return pool.apply(size_of, value); });
}
double result() {
  brood::Pool pool(1);
  return rate([&] { return pool.apply(made, large).size(); });
}
// As the receiver gets it: into memory of its own.
double copied() {
  const Bytes value(large, 'x');
  return rate([&] { return Bytes(value).size(); });
}
// As the task makes it and the receiver gets it: twice into memory that is new.
double made_and_copied() {
  return rate([] {
    const Bytes first = made(large);
    return Bytes(first).size();
  });
}
double copied_over() {
  const Bytes value(large, 'x');
  Bytes to(large, 'y');
  return rate([&] {
    std::memcpy(to.data(), value.data(), large);
    return to[large / 2] == 'x' ? large : 0;
  });
}

double handles() {
  brood::Pool pool(1);
  const brood::SharedBlock block(large);
  pool.apply(same_block, block);
  bool right = true;
  const double each =
      microseconds_each(5000, [&](int) { right = right && pool.apply(same_block, block) == block; });
  return right ? each : -1;
}
double handle_there() {
  brood::Pool pool(1);
  const brood::SharedBlock block(large);
  pool.apply(size_of_block, block);
  return microseconds_each(5000, [&](int) { pool.apply(size_of_block, block); });
}
double empty_calls() {
  brood::Pool pool(1);
  pool.apply(nothing, 0);
  return microseconds_each(5000, [&](int i) { pool.apply(nothing, i); });
}

double through_a_queue() {
  brood::Queue<Bytes> queue(2);
  brood::Process writer(
      [](brood::Queue<Bytes> q) {
        const Bytes value(large, 'x');
        for (int i = 0; i < times + 1; ++i) q.put(value);
      },
      queue);
  writer.start();
  const double speed = rate([&] { return queue.get().size(); });
  writer.join();
  return speed;
}

using peers::Body;
std::vector<Body> bodies() {
  std::vector<Body> all(1'000'000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = {1.0, 2.0, 3.0, 4.0, i, 7};
  return all;
}
using Words = std::map<std::string, std::string>;
Words words() {
  Words all;
  for (int i = 0; i < 100'000; ++i) all["key number " + std::to_string(i)] = "value of " + std::to_string(i);
  return all;
}

// The least of some, with a heap that is not given back in between: what that costs depends on who was there
// before.
template <class Once>
double least(Once once) {
  double least = once();
  for (int i = 0; i < 9; ++i) least = std::min(least, once());
  return least;
}
template <class T>
double there_and_back(const T& value) {
  const Metered metered(1);
  brood::Writer size(nullptr, 0);
  size.value(value);
  // Not cleared before it is written, as the memory that a pool writes to.
  const std::unique_ptr<std::byte[]> bytes(new std::byte[size.written()]);
  brood::Writer writer(bytes.get(), size.written());
  writer.value(value);
  brood::Reader reader(bytes.get(), size.written());
  const T again = reader.value<T>();
  const double seconds = metered.seconds();
  return again.size() == value.size() ? seconds * 1e3 : -1;
}
double built(const Words& value) {
  const Metered metered(1);
  Words again;
  for (const auto& [key, text] : value) again.emplace_hint(again.end(), key, text);
  const double seconds = metered.seconds();
  return again.size() == value.size() ? seconds * 1e3 : -1;
}
double copied_twice() {
  const auto value = bodies();
  const Metered metered(1);
  const std::size_t size = value.size() * sizeof(Body);
  const std::unique_ptr<std::byte[]> bytes(new std::byte[size]);
  std::memcpy(bytes.get(), value.data(), size);
  const auto* first = reinterpret_cast<const Body*>(bytes.get());
  const std::vector<Body> again(first, first + value.size());
  const double seconds = metered.seconds();
  return again.back().id == value.back().id ? seconds * 1e3 : -1;
}

double of_words(double (*once)(const Words&)) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  const Words all = words();
  return least([&] { return once(all); });
}

}  // namespace

std::vector<Case> value_cases() {
  return {
      {"64 MiB by value, as argument",
       "GB/s",
       true,
       {{"brood Pool(1)", argument},
        {"floor: a vector copied", copied},
        {"floor: memcpy over memory that is there", copied_over}}},
      {"64 MiB by value, as result, made by the task",
       "GB/s",
       true,
       {{"brood Pool(1)", result},
        {"floor: a vector made, and copied", made_and_copied},
        {"floor: a vector copied", copied}}},
      {"64 MiB by handle, one call at a time",
       "us",
       false,
       {{"brood, argument and result", handles},
        {"brood, argument", handle_there},
        {"brood, empty call", empty_calls}}},
      {"Queue, 64 MiB, 1 writer 1 reader",
       "GB/s",
       true,
       {{"brood", through_a_queue}, {"floor: a vector copied", copied}}},
      {"1,000,000 structs to bytes and back",
       "ms",
       false,
       {{"brood", [] { return there_and_back(bodies()); }},
        {peers::cereal_name(), [] { return peers::cereal_bodies(bodies()); }},
        {"floor: memcpy there and back", copied_twice}}},
      {"a map of 100,000 strings to bytes and back",
       "ms",
       false,
       {{"brood", [] { return of_words(there_and_back<Words>); }},
        {peers::cereal_name(), [] { return of_words(peers::cereal_words); }},
        {"floor: the map built from its elements", [] { return of_words(built); }}}},
  };
}

}  // namespace bench
