// Convolutions and pools of images [N, C, H, W].

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/engine/graph/operators.h"

namespace lenet::graph {
namespace {

using kernels::Window;
using kernels::WindowAxis;

// The kernels use int for sizes and size_t for products of a few sizes.
constexpr int64_t kMaxSide = 1 << 15;    // pixels
constexpr int64_t kMaxWindow = 1 << 10;  // kernel, stride, dilation, padding

absl::StatusOr<Activation> ImageInput(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(Activation x, node.ActivationInput(0));
  if (x.shape.size() != 4) {
    return node.Error(absl::StrCat(
        "input 0: expected images [N, C, H, W], found ", ShapeText(x.shape)));
  }
  if (x.shape[2] > kMaxSide || x.shape[3] > kMaxSide) {
    return node.Error(absl::StrCat("input 0: expected images of at most ",
                                   kMaxSide, "x", kMaxSide, " pixels, found ",
                                   ShapeText(x.shape)));
  }
  return x;
}

Window MakeWindow(const Activation& x, const std::vector<int64_t>& kernel,
                  const std::vector<int64_t>& stride,
                  const std::vector<int64_t>& dilation) {
  const auto axis = [&](size_t i) {
    WindowAxis result;
    result.in = static_cast<int>(x.shape[2 + i]);
    result.kernel = static_cast<int>(kernel[i]);
    result.stride = static_cast<int>(stride[i]);
    result.dilation = static_cast<int>(dilation[i]);
    return result;
  };
  return {axis(0), axis(1)};
}

// Pads so that there are ceil(in / stride) outputs; an odd element of padding
// is at the end.
void PadSame(Window* window) {
  for (WindowAxis* axis : {&window->height, &window->width}) {
    const int outputs = (axis->in + axis->stride - 1) / axis->stride;
    const int padding =
        std::max(0, (outputs - 1) * axis->stride + axis->span() - axis->in);
    axis->pad_before = padding / 2;
    axis->pad_after = padding - padding / 2;
  }
}

absl::Status PadConv(const NodeBuilder& node, Window* window) {
  LENET_ASSIGN_OR_RETURN(const std::string mode, node.PadMode({"pad_mode"}));
  if (mode == "same") PadSame(window);
  if (mode != "pad") return absl::OkStatus();
  const Argument kPad = {"pad"};
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> pad,
                         node.Ints(kPad, 0, kMaxWindow));
  if (pad.size() == 1) pad.resize(4, pad[0]);
  if (pad.size() != 4) {
    return node.Error(kPad, ShapeText(pad), "(top, bottom, left, right)");
  }
  window->height.pad_before = static_cast<int>(pad[0]);
  window->height.pad_after = static_cast<int>(pad[1]);
  window->width.pad_before = static_cast<int>(pad[2]);
  window->width.pad_after = static_cast<int>(pad[3]);
  return absl::OkStatus();
}

// Returns the window of a convolution, without padding.
absl::StatusOr<Window> ConvWindow(const NodeBuilder& node, const Activation& x,
                                  const ConstantView& weights) {
  const Argument kKernel = {"kernel_size"};
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                         node.Pair(kKernel, 1, kMaxWindow));
  if (weights.shape[2] != kernel[0] || weights.shape[3] != kernel[1]) {
    return node.Error(
        kKernel, ShapeText(kernel),
        absl::StrCat("the size of the weights ", ShapeText(weights.shape)));
  }
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         node.Pair({"stride"}, 1, kMaxWindow));
  std::vector<int64_t> dilation = {1, 1};
  if (node.Find({"dilation"}) != nullptr) {
    LENET_ASSIGN_OR_RETURN(dilation, node.Pair({"dilation"}, 1, kMaxWindow));
  }
  return MakeWindow(x, kernel, stride, dilation);
}

// Returns an error unless x, weights and attributes agree on the channels.
absl::Status CheckChannels(const NodeBuilder& node, const Activation& x,
                           const ConstantView& weights, int64_t groups) {
  LENET_ASSIGN_OR_RETURN(const int64_t channels,
                         node.Int({"out_channel"}, weights.shape[0]));
  if (channels != weights.shape[0]) {
    return node.Error(
        {"out_channel"}, absl::StrCat(channels),
        absl::StrCat("the channels of the weights ", ShapeText(weights.shape)));
  }
  if (groups < 1 || groups > x.shape[1] || x.shape[1] % groups != 0 ||
      channels % groups != 0 || weights.shape[1] != x.shape[1] / groups) {
    return node.Error(absl::StrCat(
        "images ", ShapeText(x.shape), " and weights ",
        ShapeText(weights.shape), " do not match with group = ", groups,
        "; expected weights [out_channel, C / group, height, width]"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Operand> AddWindowStep(const NodeBuilder& node,
                                      const Activation& x, Step step) {
  const Window& window = step.window;
  if (window.height.out() <= 0 || window.width.out() <= 0) {
    return node.Error(absl::StrCat("a window of ", window.height.span(), "x",
                                   window.width.span(),
                                   " does not fit into an image of ",
                                   window.height.in, "x", window.width.in));
  }
  step.x = x.value;
  step.in_channels = static_cast<int>(x.shape[1]);
  const std::vector<int64_t> shape = {x.shape[0], step.out_channels,
                                      window.height.out(), window.width.out()};
  return node.Add(std::move(step), shape);
}

// Adds the mean of each channel.
absl::StatusOr<Operand> AddMean(const NodeBuilder& node, const Activation& x) {
  Step step;
  step.kind = StepKind::kAveragePool;
  step.out_channels = static_cast<int>(x.shape[1]);
  step.window = MakeWindow(x, {x.shape[2], x.shape[3]}, {1, 1}, {1, 1});
  return AddWindowStep(node, x, std::move(step));
}

absl::StatusOr<Operand> BuildPool(StepKind kind, const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                         node.Pair({"kernel_size", 1}, 1, kMaxWindow));
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         node.Pair({"strides", 2}, 1, kMaxWindow));
  const Argument kPadMode = {"pad_mode", 3};
  LENET_ASSIGN_OR_RETURN(const std::string mode, node.PadMode(kPadMode));
  if (mode == "pad") return node.Error(kPadMode, "'pad'", "same, valid");
  LENET_RETURN_IF_ERROR(node.CheckFormat(4));
  Step step;
  step.kind = kind;
  step.out_channels = static_cast<int>(x.shape[1]);
  step.window = MakeWindow(x, kernel, stride, {1, 1});
  if (mode == "same") PadSame(&step.window);
  return AddWindowStep(node, x, std::move(step));
}

}  // namespace

absl::StatusOr<Operand> BuildConv(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights, node.ConstantInput(1));
  if (weights.shape.size() != 4) {
    return node.Error(
        absl::StrCat("input 1: expected weights of 4 dimensions, found ",
                     ShapeText(weights.shape)));
  }
  LENET_ASSIGN_OR_RETURN(const int64_t mode, node.Int({"mode"}, 1));
  if (mode != 1) {
    return node.Error({"mode"}, absl::StrCat(mode), "1 (convolution)");
  }
  LENET_RETURN_IF_ERROR(node.CheckFormat(0));
  LENET_ASSIGN_OR_RETURN(const int64_t groups, node.Int({"group"}, 1));
  LENET_RETURN_IF_ERROR(CheckChannels(node, x, weights, groups));
  Step step;
  step.kind = StepKind::kConv;
  step.weights = weights;
  step.out_channels = static_cast<int>(weights.shape[0]);
  step.groups = static_cast<int>(groups);
  LENET_ASSIGN_OR_RETURN(step.window, ConvWindow(node, x, weights));
  LENET_RETURN_IF_ERROR(PadConv(node, &step.window));
  return AddWindowStep(node, x, std::move(step));
}

absl::StatusOr<Operand> BuildMaxPool(const NodeBuilder& node) {
  return BuildPool(StepKind::kMaxPool, node);
}

absl::StatusOr<Operand> BuildAveragePool(const NodeBuilder& node) {
  return BuildPool(StepKind::kAveragePool, node);
}

absl::StatusOr<Operand> BuildMean(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  const Argument kAxes = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> axes, node.Ints(kAxes, -4, 3));
  for (int64_t& axis : axes) axis += axis < 0 ? 4 : 0;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<int64_t>{2, 3}) {
    return node.Error(kAxes, ShapeText(axes), "height and width: (2, 3)");
  }
  LENET_RETURN_IF_ERROR(node.CheckNone(3));
  LENET_ASSIGN_OR_RETURN(const bool keep, node.Bool({"keep_dims", 2}));
  LENET_ASSIGN_OR_RETURN(Operand y, AddMean(node, x));
  if (!keep) std::get<Activation>(y.value).shape.resize(2);
  return y;
}

absl::StatusOr<Operand> BuildAdaptivePool(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  LENET_RETURN_IF_ERROR(node.Pair({"output_size", 1}, 1, 1).status());
  return AddMean(node, x);
}

}  // namespace lenet::graph
