#ifndef CC_IMAGE_DECODE_H_
#define CC_IMAGE_DECODE_H_

#include <array>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/image.h"

// Decoders of JPEG and PNG files in memory. All functions are thread-safe.
//
// InvalidArgument: the file is truncated, pixels are damaged, or there is not
// enough memory for them. Messages do not name the file. Other oddities are in
// GrayImage::warning. Images are turned upright by their EXIF data.

namespace lenet {

inline constexpr int kMaxImageSide = 65535;

// Returns whether a file that starts like this is a JPEG or PNG.
bool IsImage(absl::string_view start);

// Decodes JPEG, or PNG of every colour type; the first bytes decide which.
//
// JPEG (baseline and progressive, 8 bits, gray, colour or CMYK) gives the luma
// plane as stored, like the decoder of an Ascend 310 and Pillow's draft("L").
// With more than 2^26 pixels it is decoded at 1/2, 1/4 or 1/8 of its size.
//
// PNG gives the pixels of lenet.prediction.picture in Python: colour becomes
// (19595 R + 38470 G + 7471 B + 2^15) / 2^16; gamma is ignored. Of 16-bit
// samples the high byte is used. If they use less than half of their range, or
// opaque 8-bit samples less than an eighth, they are scaled by the largest.
absl::StatusOr<GrayImage> DecodeImage(absl::string_view content);

// The same for PrepareDigits: gray, then red, green and blue if the image has
// colour. JPEG gives the planes of lenet.prediction.picture before its last
// reduction; gray is converted from the colour.
absl::StatusOr<std::vector<GrayImage>> DecodePlanes(absl::string_view content);

enum class JpegCoding {
  kBaseline,     // SOF0: sequential, 8 bits, Huffman
  kProgressive,  // SOF2: progressive, Huffman
  kOther,        // extended sequential, arithmetic
};

enum class JpegColor {
  kGray,   // 1 component
  kYcc,    // 3 components: luma and two of chroma
  kRgb,    // 3 components
  kOther,  // CMYK, unknown
};

// Sampling factors of a component, 1 to 4.
struct JpegSampling {
  int horizontal = 1;
  int vertical = 1;
};

struct JpegHeader {
  int height = 0;
  int width = 0;
  int precision = 0;  // bits per sample
  JpegCoding coding = JpegCoding::kOther;
  JpegColor color = JpegColor::kOther;
  int components = 0;                    // 1 to 4
  std::array<JpegSampling, 4> sampling;  // per component
  int orientation = 1;                   // of EXIF, 1 (as stored) to 8
  // The file consists of one scan with all components and has the tables that
  // the scan uses.
  bool single_scan = false;
};

// Reads the header of a JPEG file and, if its first scan is complete, looks for
// the end of that scan; pixels are not decoded. InvalidArgument also for more
// than four components.
absl::StatusOr<JpegHeader> ParseJpegHeader(absl::string_view content);

}  // namespace lenet

#endif  // CC_IMAGE_DECODE_H_
