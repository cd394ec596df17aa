#ifndef CC_IMAGE_DIGIT_H_
#define CC_IMAGE_DIGIT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cc/image/image.h"

namespace lenet {

// Digits with a smaller probability are uncertain: MIN_PROBABILITY in
// lenet.prediction.run, which has the reason.
inline constexpr double kMinProbability = 0.8;

// Converts the digits in a picture, from left to right, to the form of MNIST's
// images, light on dark and centred: byte for byte what //python:predict does
// with --invert=auto. lenet.prediction.digit in Python describes the steps.
//
// `planes`: gray, then red, green and blue if the picture has colour; all of
// one size. Returns 28x28 pixels each; a picture of 28x28 or 32x32 that already
// has this form is unchanged. InvalidArgument if no digit is found, or digits
// that cannot be separated.
absl::StatusOr<std::vector<GrayImage>> PrepareDigits(
    const std::vector<GrayImage>& planes);

}  // namespace lenet

#endif  // CC_IMAGE_DIGIT_H_
