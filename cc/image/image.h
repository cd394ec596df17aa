#ifndef CC_IMAGE_IMAGE_H_
#define CC_IMAGE_IMAGE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lenet {

// An 8-bit gray image, 0 black to 255 white, row by row without padding: pixel
// (y, x) is pixels[y * width + x], and pixels.size() == height * width.
struct GrayImage {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;
};

// An image as it is stored, for who decodes and resizes it himself.
struct SourceImage {
  // height > 0: gray pixels [height, width], as in GrayImage. Otherwise the
  // whole of a JPEG or PNG file.
  std::string content;
  int height = 0;
  int width = 0;
};

}  // namespace lenet

#endif  // CC_IMAGE_IMAGE_H_
