// cereal: values to bytes and back.

#include "harness.hpp"
#include "peers/peers.hpp"

#if __has_include(<cereal/archives/binary.hpp>)
#include <cereal/archives/binary.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <cereal/version.hpp>
#include <sstream>
#define BENCH_HAS_CEREAL 1
#else
#define BENCH_HAS_CEREAL 0
#endif

namespace bench::peers {

#if BENCH_HAS_CEREAL

template <class Archive>
void serialize(Archive& archive, Body& body) {
  archive(body.x, body.y, body.z, body.mass, body.id, body.kind);
}

std::string cereal_name() {
  return "cereal " + std::to_string(CEREAL_VERSION_MAJOR) + "." + std::to_string(CEREAL_VERSION_MINOR) + "." +
         std::to_string(CEREAL_VERSION_PATCH);
}

namespace {
template <class T>
double there_and_back(const T& value) {
  const Metered metered(1);
  std::stringstream bytes;
  cereal::BinaryOutputArchive out(bytes);
  out(value);
  T again;
  cereal::BinaryInputArchive in(bytes);
  in(again);
  const double seconds = metered.seconds();
  return again.size() == value.size() ? seconds * 1e3 : -1;
}
}  // namespace

double cereal_bodies(const std::vector<Body>& bodies) { return there_and_back(bodies); }
double cereal_words(const std::map<std::string, std::string>& words) { return there_and_back(words); }

#else

std::string cereal_name() { return "cereal (libcereal-dev)"; }
double cereal_bodies(const std::vector<Body>&) { return -1; }
double cereal_words(const std::map<std::string, std::string>&) { return -1; }

#endif

}  // namespace bench::peers
