#ifndef CC_ENGINE_LENET_SHAPES_H_
#define CC_ENGINE_LENET_SHAPES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/engine/engine.h"

namespace lenet {

// Classes, and so logits an image.
inline constexpr size_t kClasses = 10;

// "[1, 1, 32, 32]".
std::string ShapeString(absl::Span<const int64_t> shape);

// Number of elements; dimensions must be positive.
size_t ElementCount(absl::Span<const int64_t> shape);

// Whether a model takes [N, 1, H, W] and gives [N, 10], for positive N, H and
// W. InvalidArgument otherwise, with `model_path` and both shapes: the model is
// of another network.
absl::Status CheckLeNetShapes(absl::string_view model_path,
                              const std::vector<TensorInfo>& inputs,
                              const std::vector<TensorInfo>& outputs);

}  // namespace lenet

#endif  // CC_ENGINE_LENET_SHAPES_H_
