#ifndef CC_IMAGE_DECODE_H_
#define CC_IMAGE_DECODE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/image.h"

// Decoders of whole files in memory. They accept nothing by halves: a file that
// is cut off, or that the library finds damaged in any way (its warnings
// included), is InvalidArgument, as is an image of more than kMaxImageSide
// pixels in a side. Messages do not name the file; the caller does.
//
// All functions are thread-safe.

namespace lenet {

inline constexpr int kMaxImageSide = 8192;

// JPEG: baseline and progressive, 8 bits, gray or colour; of colour, the luma
// plane as it is stored (an Ascend 310's decoder gives the same plane; Pillow
// gives it by draft("L")). Gray files give the same pixels as Pillow. CMYK is
// InvalidArgument.
absl::StatusOr<GrayImage> DecodeJpeg(absl::string_view content);

// PNG of every kind. The same pixels as Pillow's convert("L") for up to 8 bits
// a channel: of colours and palettes (19595 R + 38470 G + 7471 B + 2^15) /
// 2^16, and alpha and gamma are ignored. Of 16-bit channels the high byte
// counts.
absl::StatusOr<GrayImage> DecodePng(absl::string_view content);

// Either of the two, by the first bytes of the content, whatever the file is
// called.
absl::StatusOr<GrayImage> DecodeImage(absl::string_view content);

}  // namespace lenet

#endif  // CC_IMAGE_DECODE_H_
