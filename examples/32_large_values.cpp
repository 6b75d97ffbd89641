// Values of any size travel: to a task, from a task, and through a queue.

#include <brood/brood.hpp>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

using Image = std::vector<std::uint8_t>;

Image invert(Image image) {
  for (auto& pixel : image) pixel = static_cast<std::uint8_t>(255 - pixel);
  return image;
}

// [tour
void fill(brood::Queue<Image> images) {
  images.put(Image(50'000'000, 200));
}
// tour]

long sum(const Image& image) {
  return std::accumulate(image.begin(), image.end(), 0L);
}

int main(int argc, char** argv) {
  brood::init(argc, argv);

  // [tour
  brood::Queue<Image> images;
  brood::Process camera(fill, images);
  camera.start();
  camera.join();  // put means put: the value outlives its writer
  const Image image = images.get();
  std::printf("%zu MB, sum %ld\n", image.size() / 1'000'000, sum(image));

  brood::Pool pool(1);
  const Image inverted = pool.apply(invert, image);
  std::printf("%zu MB, sum %ld\n", inverted.size() / 1'000'000,
              sum(inverted));
  // tour]
}
