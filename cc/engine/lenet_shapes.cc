#include "cc/engine/lenet_shapes.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

std::string ShapesString(const std::vector<TensorInfo>& tensors) {
  if (tensors.empty()) return "none";
  return absl::StrJoin(tensors, " and ",
                       [](std::string* out, const TensorInfo& tensor) {
                         out->append(ShapeString(tensor.shape));
                       });
}

bool IsLeNet(const std::vector<TensorInfo>& inputs,
             const std::vector<TensorInfo>& outputs) {
  if (inputs.size() != 1 || outputs.size() != 1) return false;
  const std::vector<int64_t>& in = inputs[0].shape;
  const std::vector<int64_t>& out = outputs[0].shape;
  return in.size() == 4 && in[1] == 1 &&
         std::all_of(in.begin(), in.end(), [](int64_t d) { return d > 0; }) &&
         out.size() == 2 && out[0] == in[0] && out[1] == int64_t{kClasses};
}

}  // namespace

std::string ShapeString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

size_t ElementCount(absl::Span<const int64_t> shape) {
  size_t count = 1;
  for (const int64_t dimension : shape) count *= static_cast<size_t>(dimension);
  return count;
}

absl::Status CheckLeNetShapes(absl::string_view model_path,
                              const std::vector<TensorInfo>& inputs,
                              const std::vector<TensorInfo>& outputs) {
  if (IsLeNet(inputs, outputs)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      model_path, ": expected a LeNet with input [N, 1, H, W] and output [N, ",
      kClasses, "], found input ", ShapesString(inputs), " and output ",
      ShapesString(outputs), "; give a model that //python:export wrote"));
}

}  // namespace lenet
