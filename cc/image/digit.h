#ifndef CC_IMAGE_DIGIT_H_
#define CC_IMAGE_DIGIT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cc/image/image.h"

namespace lenet {

// Converts a picture of a digit to the form of MNIST's images, light on dark
// and centred: byte for byte what //python:predict does with --invert=auto.
// lenet.prediction.digit in Python describes the steps.
//
// `planes`: gray, then red, green and blue if the picture has colour; all of
// one size. Returns 28x28 pixels; a picture of 28x28 or 32x32 that already has
// this form is unchanged. InvalidArgument if no digit is found.
absl::StatusOr<GrayImage> PrepareDigit(const std::vector<GrayImage>& planes);

// Returns the median of the outermost pixels, which show the paper.
int BorderMedian(const GrayImage& image);

}  // namespace lenet

#endif  // CC_IMAGE_DIGIT_H_
