#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "cc/base/testing.h"
#include "cc/fuzz/fuzz.h"
#include "cc/image/idx.h"
#include "cc/image/testing.h"

namespace lenet {

std::vector<std::string> FuzzSeeds() {
  const std::string images = MakeIdxImages({1, 255});
  const std::string labels = MakeIdxLabels({7, 0, 9});
  const std::string empty = MakeIdxImages({});
  return {images, labels, empty, Gzip(images), Gzip(labels), Gzip(empty)};
}

}  // namespace lenet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(data, data + size);
  const auto images = lenet::ParseIdxImages(content);
  if (images.ok()) {
    int sum = 0;  // reads every pixel
    for (size_t i = 0; i < images->count; ++i) {
      for (const uint8_t pixel : images->image(i)) sum += pixel;
    }
    if (sum < 0) std::abort();
  }
  const auto labels = lenet::ParseIdxLabels(content);
  if (labels.ok() && labels->empty()) std::abort();
  return 0;
}
