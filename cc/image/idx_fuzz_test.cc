#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "cc/image/idx.h"

// Any bytes are images, labels, or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string content(data, data + size);
  const auto images = lenet::ParseIdxImages("images", content);
  if (images.ok()) {
    int sum = 0;
    for (size_t i = 0; i < images->count(); ++i) {
      for (const uint8_t pixel : images->image(i)) sum += pixel;
    }
    if (sum < 0) std::abort();
  }
  const auto labels = lenet::ParseIdxLabels("labels", content);
  if (labels.ok() && *std::max_element(labels->begin(), labels->end()) > 9) {
    std::abort();
  }
  return 0;
}
