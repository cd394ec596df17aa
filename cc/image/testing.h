#ifndef CC_IMAGE_TESTING_H_
#define CC_IMAGE_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/image/dataset.h"

namespace lenet {

// Opens the first `limit` (0: all) images of a data set, resized to 32x32.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const std::string& path,
                                                     size_t limit = 0);

std::vector<std::string> Stems(const Dataset& dataset);

// Returns the labels; -1 for unknown.
std::vector<int> Labels(const Dataset& dataset);

// Returns an IDX file of 28x28 images, each filled with one value.
std::string MakeIdxImages(const std::vector<uint8_t>& values);

// Returns an IDX file of labels.
std::string MakeIdxLabels(const std::vector<uint8_t>& labels);

struct JpegOptions {
  enum class Color { kGray, kYcc, kRgb, kCmyk };

  int height = 32;
  int width = 32;
  // Samples of the first component, row by row; if empty, all are 100. The
  // samples of the other components are 128.
  std::vector<uint8_t> luma;
  Color color = Color::kGray;
  int horizontal = 1;  // sampling factors of the first component
  int vertical = 1;
  bool progressive = false;
  bool separate_scans = false;  // one scan per component, up to 3
  int restart_interval = 0;     // in blocks; 0: no restart markers
  std::string exif;             // content of an APP1 segment; empty: none
  int quality = 95;
};

// Returns a JPEG file. Aborts if libjpeg rejects the options.
std::string MakeJpeg(const JpegOptions& options);

// Returns the content of an APP1 segment with an EXIF orientation, preceded by
// `entries` other directory entries.
std::string MakeExif(int orientation, bool little_endian, size_t entries = 0);

// Returns the bytes of the floats, little-endian on the machines that run
// tests.
std::string BytesOf(const std::vector<float>& values);

// A JPEG or PNG file and the 8-bit gray image that Pillow decodes from it.
struct GoldenImage {
  std::string file;
  int height = 0;
  int width = 0;
  uint32_t crc = 0;         // CRC-32 of the pixels, row by row
  uint32_t digits_crc = 0;  // the same of the digits in 32x32, or of the reason
                            // why there is none
};

// Returns the images of golden.py by name.
const std::map<std::string, GoldenImage>& GoldenImages();

}  // namespace lenet

#endif  // CC_IMAGE_TESTING_H_
