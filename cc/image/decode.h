#ifndef CC_IMAGE_DECODE_H_
#define CC_IMAGE_DECODE_H_

#include <array>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/image.h"

// Decoders of JPEG and PNG files in memory. All functions are thread-safe.
//
// InvalidArgument: the file is truncated or damaged (a warning of the library
// counts as damage), or is larger than kMaxImageSide in one direction. Messages
// do not name the file.

namespace lenet {

inline constexpr int kMaxImageSide = 8192;

// Decodes baseline and progressive JPEG, 8 bits, gray or colour. Returns the
// luma plane of a colour image as stored, like the decoder of an Ascend 310 and
// Pillow's draft("L"). CMYK is InvalidArgument.
absl::StatusOr<GrayImage> DecodeJpeg(absl::string_view content);

// Decodes JPEG, or PNG of every colour type; the first bytes decide which.
//
// PNG gives the pixels of Pillow's convert("L"): colour becomes
// (19595 R + 38470 G + 7471 B + 2^15) / 2^16; alpha and gamma are ignored. Only
// the high byte of 16-bit samples is used.
absl::StatusOr<GrayImage> DecodeImage(absl::string_view content);

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
