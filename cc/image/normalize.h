#ifndef CC_IMAGE_NORMALIZE_H_
#define CC_IMAGE_NORMALIZE_H_

#include <cstdint>

#include "absl/types/span.h"

namespace lenet {

// (x / 255 - 0.1307) / 0.3081, the mean and deviation of MNIST, computed in
// double and rounded once: bit for bit what lenet.data.transform does in
// Python. `tensor` has the size of `pixels`.
void Normalize(absl::Span<const uint8_t> pixels, absl::Span<float> tensor);

}  // namespace lenet

#endif  // CC_IMAGE_NORMALIZE_H_
