#ifndef CC_BASE_SHAPE_H_
#define CC_BASE_SHAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"

namespace lenet {

// A dense tensor in C order.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
};

// Returns, for example, "[1, 1, 32, 32]".
inline std::string ShapeText(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Returns the number of elements. Every dimension must be positive.
inline size_t ElementCount(absl::Span<const int64_t> shape) {
  size_t count = 1;
  for (const int64_t dimension : shape) count *= static_cast<size_t>(dimension);
  return count;
}

}  // namespace lenet

#endif  // CC_BASE_SHAPE_H_
