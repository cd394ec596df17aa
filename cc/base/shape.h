#ifndef CC_BASE_SHAPE_H_
#define CC_BASE_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace lenet {

// A dense tensor in C order.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
};

// Returns, for example, "[1, 1, 32, 32]".
std::string ShapeText(absl::Span<const int64_t> shape);

// Returns the number of elements. Every dimension must be positive.
size_t ElementCount(absl::Span<const int64_t> shape);

}  // namespace lenet

#endif  // CC_BASE_SHAPE_H_
