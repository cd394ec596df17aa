#ifndef CC_IMAGE_TRANSFORM_H_
#define CC_IMAGE_TRANSFORM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "cc/image/image.h"

// Converts pixels to the network's input, with the same bits as
// lenet.data.transform in Python.

namespace lenet {

// Bilinear resize of images of one size, in integers (the arithmetic of
// OpenCV's INTER_LINEAR): pixel centres at (i + 0.5) * in / out - 0.5, edges
// repeated, weights in 1/2048, one rounding at the end. Images of the target
// size are copied. Thread-safe.
class Resizer {
 public:
  // Sizes are from 1 to 2^18.
  Resizer(int height, int width, int target_height, int target_width);

  // Resizes height * width pixels to target_height * target_width.
  void Resize(absl::Span<const uint8_t> pixels,
              absl::Span<uint8_t> target) const;

 private:
  // The source rows or columns of a target row or column.
  struct Tap {
    size_t first;
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

// Resizes one image.
GrayImage Resize(const GrayImage& image, int height, int width);

// Writes (x / 255 - 0.1307) / 0.3081 for every pixel x: the mean and standard
// deviation of MNIST, computed in double and rounded once. `tensor` has the
// size of `pixels`.
void Normalize(absl::Span<const uint8_t> pixels, absl::Span<float> tensor);

}  // namespace lenet

#endif  // CC_IMAGE_TRANSFORM_H_
