#ifndef CC_IMAGE_RESIZE_H_
#define CC_IMAGE_RESIZE_H_

#include "cc/image/image.h"

namespace lenet {

// Bilinear resize in integers, bit for bit what lenet.data.transform does in
// Python (the arithmetic of OpenCV's INTER_LINEAR): pixel centres at (i + 0.5)
// * in / out - 0.5, edges repeated, weights in 1/2048, one rounding at the end.
// The size it has already gives a copy. All sizes must be positive and at most
// 2^18, and image.pixels complete: the caller's duty.
GrayImage Resize(const GrayImage& image, int height, int width);

}  // namespace lenet

#endif  // CC_IMAGE_RESIZE_H_
