#ifndef CC_IMAGE_IMAGE_H_
#define CC_IMAGE_IMAGE_H_

#include <cstdint>
#include <vector>

namespace lenet {

// An 8-bit gray image, 0 black to 255 white, row by row without padding: pixel
// (y, x) is pixels[y * width + x], and pixels.size() == height * width.
struct GrayImage {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;
};

}  // namespace lenet

#endif  // CC_IMAGE_IMAGE_H_
