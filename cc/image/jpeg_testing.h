#ifndef CC_IMAGE_JPEG_TESTING_H_
#define CC_IMAGE_JPEG_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lenet {

struct JpegOptions {
  enum class Color { kGray, kYcc, kRgb, kCmyk };

  int height = 32;
  int width = 32;
  std::vector<uint8_t> luma;  // the pixels; empty: all 100. Colours are neutral
  Color color = Color::kGray;
  int horizontal = 1;  // sampling factors of the first component
  int vertical = 1;
  bool progressive = false;
  bool separate_scans = false;  // a component each
  int restart_interval = 0;     // blocks; 0: none
  std::string exif;             // content of an APP1 segment; empty: none
  int quality = 95;
};

// A JPEG file of a kind that few programs write. Aborts if libjpeg refuses.
std::string MakeJpeg(const JpegOptions& options);

// The content of an APP1 segment whose EXIF says the orientation, in either
// byte order, after `entries` others.
std::string MakeExif(int orientation, bool little_endian, size_t entries = 0);

}  // namespace lenet

#endif  // CC_IMAGE_JPEG_TESTING_H_
