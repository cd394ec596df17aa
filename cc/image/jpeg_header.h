#ifndef CC_IMAGE_JPEG_HEADER_H_
#define CC_IMAGE_JPEG_HEADER_H_

#include <array>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lenet {

enum class JpegCoding {
  kBaseline,     // sequential, 8 bits, Huffman: what every decoder can
  kExtended,     // sequential, Huffman, more bits or tables
  kProgressive,  // Huffman
  kOther,        // arithmetic, lossless, hierarchical
};

enum class JpegColor {
  kGray,   // one component
  kYcc,    // three: luma and two of colour
  kRgb,    // three
  kOther,  // two components, CMYK and the like
};

// How many samples a component has for each of the one with fewest.
struct JpegSampling {
  int horizontal = 1;  // 1 to 4
  int vertical = 1;    // 1 to 4
};

// What the markers of a JPEG file say, without decoding any pixel.
struct JpegHeader {
  int height = 0;     // 1 to 65535
  int width = 0;      // 1 to 65535
  int precision = 0;  // bits of a sample
  JpegCoding coding = JpegCoding::kOther;
  JpegColor color = JpegColor::kOther;
  int components = 0;                    // 1 to 4
  std::array<JpegSampling, 4> sampling;  // of the components
  // EXIF's, 1 to 8; 1: as stored. Decoders that obey it turn the image.
  int orientation = 1;
  // The file has all the tables that its scans need, and one scan with all the
  // components, as cameras and programs write it if it is not progressive.
  bool single_scan = false;
};

// Goes through the whole file, from marker to marker, and once over the coded
// pixels. InvalidArgument if it is no JPEG, is cut off, has a marker where none
// may be, or more components than 4; the message does not name the file. What
// passes may still be damaged in its coded pixels. Thread-safe.
absl::StatusOr<JpegHeader> ParseJpegHeader(absl::string_view content);

}  // namespace lenet

#endif  // CC_IMAGE_JPEG_HEADER_H_
