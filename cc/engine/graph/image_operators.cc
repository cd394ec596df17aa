#include "cc/engine/graph/image_operators.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/arguments.h"

namespace lenet::graph {
namespace {

using kernels::Window;
using kernels::WindowAxis;

// Sizes are int in the kernels, and products of a few of them size_t.
constexpr int64_t kMaxSide = 1 << 15;    // of an image
constexpr int64_t kMaxWindow = 1 << 10;  // kernel, stride, dilation, padding

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

absl::Status CheckImages(const Arguments& arguments, const Activation& x) {
  if (x.shape.size() != 4) {
    return arguments.Error(absl::StrCat(
        "input 0: expected images [N, C, H, W], found ", ShapeText(x.shape)));
  }
  if (x.shape[2] > kMaxSide || x.shape[3] > kMaxSide) {
    return arguments.Error(absl::StrCat("input 0: expected images of at most ",
                                        kMaxSide, "x", kMaxSide,
                                        " pixels, found ", ShapeText(x.shape)));
  }
  return absl::OkStatus();
}

WindowAxis Axis(int64_t in, int64_t kernel, int64_t stride, int64_t dilation) {
  WindowAxis axis;
  axis.in = static_cast<int>(in);
  axis.kernel = static_cast<int>(kernel);
  axis.stride = static_cast<int>(stride);
  axis.dilation = static_cast<int>(dilation);
  return axis;
}

// As much padding as makes ceil(in / stride) outputs, the odd one at the end.
void PadSame(WindowAxis* axis) {
  const int outputs = (axis->in + axis->stride - 1) / axis->stride;
  const int padding =
      std::max(0, (outputs - 1) * axis->stride + axis->span() - axis->in);
  axis->pad_before = padding / 2;
  axis->pad_after = padding - padding / 2;
}

absl::Status CheckOutput(const Arguments& arguments, const Window& window) {
  if (window.height.out() > 0 && window.width.out() > 0) {
    return absl::OkStatus();
  }
  return arguments.Error(absl::StrCat("a window of ", window.height.span(), "x",
                                      window.width.span(),
                                      " does not fit into an image of ",
                                      window.height.in, "x", window.width.in));
}

// The convolution's window without padding.
absl::StatusOr<Window> ConvWindow(const Arguments& arguments,
                                  const Activation& x,
                                  const ConstantView& weights) {
  const Argument kKernel = {"kernel_size"};
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                         arguments.Pair(kKernel, 1, kMaxWindow));
  if (weights.shape[2] != kernel[0] || weights.shape[3] != kernel[1]) {
    return arguments.Error(
        kKernel, ShapeText(kernel),
        absl::StrCat("that of the weights ", ShapeText(weights.shape)));
  }
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         arguments.Pair({"stride"}, 1, kMaxWindow));
  std::vector<int64_t> dilation = {1, 1};
  if (arguments.Find({"dilation"}) != nullptr) {
    LENET_ASSIGN_OR_RETURN(dilation,
                           arguments.Pair({"dilation"}, 1, kMaxWindow));
  }
  Window window;
  window.height = Axis(x.shape[2], kernel[0], stride[0], dilation[0]);
  window.width = Axis(x.shape[3], kernel[1], stride[1], dilation[1]);
  return window;
}

absl::Status PadConv(const Arguments& arguments, Window* window) {
  // By index: MindSpore's PadMode.
  LENET_ASSIGN_OR_RETURN(
      const std::string mode,
      arguments.Choice({"pad_mode"}, {"pad", "same", "valid"}, "valid"));
  if (mode == "same") {
    PadSame(&window->height);
    PadSame(&window->width);
  } else if (mode == "pad") {
    const Argument kPad = {"pad"};
    LENET_ASSIGN_OR_RETURN(std::vector<int64_t> pad,
                           arguments.Ints(kPad, 0, kMaxWindow));
    if (pad.size() == 1) pad.resize(4, pad[0]);
    if (pad.size() != 4) {
      return arguments.Error(kPad, ShapeText(pad),
                             "(top, bottom, left, right)");
    }
    window->height.pad_before = static_cast<int>(pad[0]);
    window->height.pad_after = static_cast<int>(pad[1]);
    window->width.pad_before = static_cast<int>(pad[2]);
    window->width.pad_after = static_cast<int>(pad[3]);
  }
  return CheckOutput(arguments, *window);
}

// That x, weights and attributes agree on the channels.
absl::Status CheckChannels(const Arguments& arguments, const Activation& x,
                           const ConstantView& weights, int64_t groups) {
  LENET_ASSIGN_OR_RETURN(const int64_t channels,
                         arguments.Int({"out_channel"}, weights.shape[0]));
  if (channels != weights.shape[0]) {
    return arguments.Error(
        {"out_channel"}, absl::StrCat(channels),
        absl::StrCat("that of the weights ", ShapeText(weights.shape)));
  }
  if (groups < 1 || groups > x.shape[1] || x.shape[1] % groups != 0 ||
      channels % groups != 0 || weights.shape[1] != x.shape[1] / groups) {
    return arguments.Error(absl::StrCat(
        "images ", ShapeText(x.shape), " and weights ",
        ShapeText(weights.shape), " do not fit with group = ", groups,
        "; expected weights [out_channel, C / group, height, width]"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Operand> AddWindowStep(const MindIrNode& node, Step step,
                                      int64_t batch, StepBuilder* builder) {
  const std::vector<int64_t> shape = {batch, step.out_channels,
                                      step.window.height.out(),
                                      step.window.width.out()};
  return builder->Add(node, std::move(step), shape);
}

absl::StatusOr<Operand> BuildPool(StepKind kind, const MindIrNode& node,
                                  StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  const bool average = kind == StepKind::kAveragePool;
  LENET_RETURN_IF_ERROR(arguments.CheckKnown(
      {"kernel_size", "strides", "pad_mode", "format", "data_format"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, average ? 5 : 1));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_RETURN_IF_ERROR(CheckImages(arguments, x));
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> kernel,
                         arguments.Pair({"kernel_size", 1}, 1, kMaxWindow));
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         arguments.Pair({"strides", 2}, 1, kMaxWindow));
  const Argument kPadMode = {"pad_mode", 3};
  LENET_ASSIGN_OR_RETURN(
      const std::string mode,
      arguments.Choice(kPadMode, {"pad", "same", "valid"}, "valid"));
  if (mode == "pad") return arguments.Error(kPadMode, "'pad'", "same, valid");
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"format", 4}));
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"data_format"}));

  Step step;
  step.kind = kind;
  step.x = x.value;
  step.in_channels = static_cast<int>(x.shape[1]);
  step.out_channels = step.in_channels;
  step.window.height = Axis(x.shape[2], kernel[0], stride[0], 1);
  step.window.width = Axis(x.shape[3], kernel[1], stride[1], 1);
  if (mode == "same") {
    PadSame(&step.window.height);
    PadSame(&step.window.width);
  }
  LENET_RETURN_IF_ERROR(CheckOutput(arguments, step.window));
  return AddWindowStep(node, std::move(step), x.shape[0], builder);
}

}  // namespace

absl::StatusOr<Operand> BuildConv(const MindIrNode& node,
                                  StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown(
      {"kernel_size", "stride", "dilation", "pad_mode", "pad", "pad_list",
       "group", "groups", "out_channel", "mode", "format", "data_format"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 2));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_RETURN_IF_ERROR(CheckImages(arguments, x));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights,
                         builder->ConstantInput(node, 1));
  if (weights.shape.size() != 4) {
    return arguments.Error(
        absl::StrCat("input 1: expected weights of 4 dimensions, found ",
                     ShapeText(weights.shape)));
  }
  LENET_ASSIGN_OR_RETURN(const int64_t mode, arguments.Int({"mode"}, 1));
  if (mode != 1) {
    return arguments.Error({"mode"}, absl::StrCat(mode), "1 (convolution)");
  }
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"format"}));
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"data_format"}));
  LENET_ASSIGN_OR_RETURN(const int64_t groups, arguments.Int({"group"}, 1));
  LENET_RETURN_IF_ERROR(CheckChannels(arguments, x, weights, groups));

  Step step;
  step.kind = StepKind::kConv;
  step.x = x.value;
  step.weights = weights;
  step.in_channels = static_cast<int>(x.shape[1]);
  step.out_channels = static_cast<int>(weights.shape[0]);
  step.groups = static_cast<int>(groups);
  LENET_ASSIGN_OR_RETURN(step.window, ConvWindow(arguments, x, weights));
  LENET_RETURN_IF_ERROR(PadConv(arguments, &step.window));
  return AddWindowStep(node, std::move(step), x.shape[0], builder);
}

absl::StatusOr<Operand> BuildMaxPool(const MindIrNode& node,
                                     StepBuilder* builder) {
  return BuildPool(StepKind::kMaxPool, node, builder);
}

absl::StatusOr<Operand> BuildAveragePool(const MindIrNode& node,
                                         StepBuilder* builder) {
  return BuildPool(StepKind::kAveragePool, node, builder);
}

}  // namespace lenet::graph
