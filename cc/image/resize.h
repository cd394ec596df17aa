#ifndef CC_IMAGE_RESIZE_H_
#define CC_IMAGE_RESIZE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "cc/image/image.h"

namespace lenet {

// Bilinear resize in integers, bit for bit what lenet.data.transform does in
// Python (the arithmetic of OpenCV's INTER_LINEAR): pixel centres at (i + 0.5)
// * in / out - 0.5, edges repeated, weights in 1/2048, one rounding at the end.
// The size it has already gives a copy. All sizes must be positive and at most
// 2^18: the caller's duty.
//
// For many images of one size. Thread-safe.
class Resizer {
 public:
  Resizer(int height, int width, int target_height, int target_width);

  // From height * width pixels to target_height * target_width.
  void Resize(absl::Span<const uint8_t> pixels,
              absl::Span<uint8_t> target) const;

 private:
  // Where a target row or column comes from.
  struct Tap {
    size_t first;    // source pixels
    size_t second;   // == first at the far edge
    int32_t weight;  // of the second, in 1/2048; the first has the rest
  };

  static std::vector<Tap> MakeTaps(int source, int target);
  void ResizeRow(const uint8_t* pixels, int32_t* row) const;

  const size_t width_;
  const bool same_size_;
  std::vector<Tap> rows_;
  std::vector<Tap> columns_;
};

// The same for one image, whose pixels must be complete.
GrayImage Resize(const GrayImage& image, int height, int width);

}  // namespace lenet

#endif  // CC_IMAGE_RESIZE_H_
