#ifndef CC_BASE_SHAPE_H_
#define CC_BASE_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

// Shapes of dense tensors.

namespace lenet {

// Returns, for example, "[1, 1, 32, 32]".
std::string ShapeText(absl::Span<const int64_t> shape);

// Returns the number of elements. Every dimension must be positive.
size_t ElementCount(absl::Span<const int64_t> shape);

}  // namespace lenet

#endif  // CC_BASE_SHAPE_H_
