#ifndef CC_IMAGE_PLANES_H_
#define CC_IMAGE_PLANES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/image.h"

// The decoders behind decode.h, and what they share.
//
// libjpeg and libpng report errors by longjmp, which must not skip destructors.
// So each call that can jump is in a function of its own that has no object
// with a destructor and returns whether it succeeded.

namespace lenet {

// Gray, then red, green and blue if they are wanted.
using Planes = std::vector<GrayImage>;

inline constexpr uint64_t kMaxPixels = uint64_t{1} << 26;  // decoded at once
inline constexpr uint64_t kBytesPerPixel = 16;  // while an image is decoded

// Decodes an image to gray pixels, or with `color` also to its color planes.
absl::StatusOr<Planes> DecodeJpeg(absl::string_view content, bool color);
absl::StatusOr<Planes> DecodePng(absl::string_view content, bool color);

// Checks the size in a header before memory is allocated for the pixels.
// `max_pixels`: what a file of this length can hold.
absl::Status CheckHeader(absl::string_view format, uint32_t height,
                         uint32_t width, uint64_t max_pixels);

// Checks that `needed` bytes of memory are available. Large images are decoded
// one at a time, while `lock` is held.
absl::Status ReserveMemory(absl::string_view format, uint32_t height,
                           uint32_t width, uint64_t needed,
                           std::unique_lock<std::mutex>* lock);

// Returns black planes: one, or four for `color`.
Planes Allocate(uint32_t height, uint32_t width, bool color);

// Stores a colour. Gray is converted as by Pillow's convert("L"): ITU-R 601-2
// luma in 16 bits, rounded.
void SetColor(size_t pixel, const std::array<uint32_t, 3>& color,
              Planes* planes);

// Returns the orientation, 1 to 8, from EXIF data (EXIF 2.3, section 4.6).
// Returns 1 if there is none or it is invalid.
int ExifOrientation(absl::string_view data);

// Turns planes upright that are stored with an orientation of EXIF.
void TurnUpright(int orientation, Planes* planes);

}  // namespace lenet

#endif  // CC_IMAGE_PLANES_H_
