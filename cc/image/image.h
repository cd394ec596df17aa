#ifndef CC_IMAGE_IMAGE_H_
#define CC_IMAGE_IMAGE_H_

#include <cstdint>
#include <string>
#include <vector>

namespace lenet {

// An 8-bit gray image, 0 black to 255 white: pixel (y, x) is
// pixels[y * width + x].
struct GrayImage {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;
  std::string warning = {};  // what was odd about its file; "" if nothing
};

// An image as stored, for engines that decode and resize it themselves.
struct SourceImage {
  // Gray pixels [height, width] if height > 0; otherwise a JPEG or PNG file.
  std::string content;
  int height = 0;
  int width = 0;
  std::string path{};  // of the file, for messages
};

}  // namespace lenet

#endif  // CC_IMAGE_IMAGE_H_
