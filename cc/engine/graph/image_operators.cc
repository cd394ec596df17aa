// Convolutions and pools of images [N, C, H, W].

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
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

// Returns images [N, C, H, W]; those of a 3D operator are [N, C, 1, H, W].
absl::StatusOr<Activation> ImageInput(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(Activation x, node.ActivationInput(0));
  const bool deep = absl::StrContains(node.node().op, "3D");
  if (x.shape.size() != (deep ? 5 : 4) || (deep && x.shape[2] != 1)) {
    return node.Error(absl::StrCat("input 0: expected images [N, C, ",
                                   deep ? "1, " : "", "H, W], found ",
                                   ShapeText(x.shape)));
  }
  if (deep) x.shape.erase(x.shape.begin() + 2);
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

// Sets the padding: top, bottom, left, right.
void SetPadding(const std::vector<int64_t>& pad, Window* window) {
  window->height.pad_before = static_cast<int>(pad[0]);
  window->height.pad_after = static_cast<int>(pad[1]);
  window->width.pad_before = static_cast<int>(pad[2]);
  window->width.pad_after = static_cast<int>(pad[3]);
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
  SetPadding(pad, window);
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

// Adds a pool of windows that lie side by side.
absl::StatusOr<Operand> AddTiles(const NodeBuilder& node, StepKind kind,
                                 const Activation& x,
                                 const std::vector<int64_t>& tile) {
  Step step;
  step.kind = kind;
  step.out_channels = static_cast<int>(x.shape[1]);
  step.window = MakeWindow(x, tile, tile, {1, 1});
  return AddWindowStep(node, x, std::move(step));
}

// Pads a pool by the attribute pads or pad, which ends with (height, width) or
// (top, bottom, left, right).
absl::Status PadPool(const NodeBuilder& node, Window* window) {
  const Argument kPads = {node.Find({"pads"}) == nullptr ? "pad" : "pads"};
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                         node.Ints(kPads, 0, kMaxWindow));
  LENET_ASSIGN_OR_RETURN(const bool ceil, node.Bool({"ceil_mode"}));
  const size_t size = pads.size();
  const size_t step = size == 6 ? 2 : 1;
  const auto pad = [&](size_t i) { return pads[size - 2 * step + i]; };
  WindowAxis* const axes[] = {&window->height, &window->width};
  if (size < 2 * step || pad(0) != pad(step - 1) ||
      pad(step) != pad(2 * step - 1) || pad(0) >= axes[0]->kernel ||
      pad(step) >= axes[1]->kernel) {
    return node.Error(kPads, ShapeText(pads),
                      "the same padding on both sides, less than the window");
  }
  for (const size_t i : {0, 1}) {
    WindowAxis* const axis = axes[i];
    axis->pad_before = axis->pad_after = static_cast<int>(pad(i * step));
    // One more window, if it begins before the end of the image.
    const int next = axis->out() * axis->stride - axis->pad_before;
    if (ceil && next < axis->in) {
      axis->pad_after =
          std::max(axis->pad_after, next + axis->kernel - axis->in);
    }
  }
  return absl::OkStatus();
}

// Multiplies each image element by element.
absl::StatusOr<Operand> Scale(const NodeBuilder& node,
                              std::vector<float> factors,
                              const Operand& images) {
  const auto& x = std::get<Activation>(images.value);
  Step step;
  step.kind = StepKind::kScale;
  step.x = x.value;
  step.constant = std::move(factors);
  return node.Add(std::move(step), x.shape);
}

// Returns, for each window of an average pool, the share that is image and not
// padding. What ceil_mode adds is no padding.
std::vector<float> ImageShares(const Window& window) {
  const auto share = [](const WindowAxis& axis, int index) {
    const int begin = index * axis.stride - axis.pad_before;
    const int end = std::min(begin + axis.kernel, axis.in + axis.pad_before);
    return static_cast<float>(std::min(end, axis.in) - std::max(begin, 0)) /
           static_cast<float>(end - begin);
  };
  std::vector<float> shares;
  for (int i = 0; i < window.height.out(); ++i) {
    for (int j = 0; j < window.width.out(); ++j) {
      shares.push_back(share(window.height, i) * share(window.width, j));
    }
  }
  return shares;
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

// The pools that MindSpore 2 writes: for padding, those of three dimensions or
// with the indices of the maxima, which nothing may use.
absl::StatusOr<Operand> BuildPool(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  const std::string& op = node.node().op;
  const bool maximum = op[0] == 'M';
  const bool padded = op != "MaxPool" && op != "AvgPool";
  const bool argmax = absl::StrContains(op, "Argmax");
  LENET_ASSIGN_OR_RETURN(
      const std::vector<int64_t> kernel,
      node.Pair({op == "MaxPool3DWithArgmax" ? "ksize" : "kernel_size", 1}, 1,
                kMaxWindow));
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> stride,
                         node.Pair({"strides", 2}, 1, kMaxWindow));
  Step step;
  step.kind = maximum ? StepKind::kMaxPool : StepKind::kAveragePool;
  step.out_channels = static_cast<int>(x.shape[1]);
  step.window = MakeWindow(x, kernel, stride, {1, 1});
  if (padded) {
    if (argmax) LENET_RETURN_IF_ERROR(node.Pair({"dilation"}, 1, 1).status());
    LENET_RETURN_IF_ERROR(PadPool(node, &step.window));
  } else {
    const Argument kPadMode = {"pad_mode", 3};
    LENET_ASSIGN_OR_RETURN(const std::string mode, node.PadMode(kPadMode));
    if (mode == "pad") return node.Error(kPadMode, "'pad'", "same, valid");
    LENET_RETURN_IF_ERROR(node.CheckFormat(4));
    if (mode == "same") PadSame(&step.window);
  }
  LENET_ASSIGN_OR_RETURN(Operand y, AddWindowStep(node, x, step));
  LENET_ASSIGN_OR_RETURN(const int64_t divisor,
                         node.Int({"divisor_override"}, 0));
  if (divisor != 0) {
    return node.Error({"divisor_override"}, absl::StrCat(divisor), "0");
  }
  LENET_ASSIGN_OR_RETURN(const bool count, node.Bool({"count_include_pad"}));
  if (count) {
    LENET_ASSIGN_OR_RETURN(y, Scale(node, ImageShares(step.window), y));
  }
  auto& shape = std::get<Activation>(y.value).shape;
  if (absl::StrContains(op, "3D")) shape.insert(shape.begin() + 2, 1);
  return argmax ? FirstOfTuple(std::move(y)) : y;
}

// The mean, sum or maximum of each channel.
absl::StatusOr<Operand> BuildReduce(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  const Argument kAxes = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, node.Axes(kAxes, 4));
  if (axes != std::vector<int64_t>{2, 3}) {
    return node.Error(kAxes, ShapeText(axes), "height and width: (2, 3)");
  }
  LENET_RETURN_IF_ERROR(node.CheckNone(3));
  LENET_ASSIGN_OR_RETURN(const bool keep, node.Bool({"keep_dims", 2}));
  LENET_ASSIGN_OR_RETURN(Operand y, AddTiles(node,
                                             node.node().op == "ReduceMax"
                                                 ? StepKind::kMaxPool
                                                 : StepKind::kAveragePool,
                                             x, {x.shape[2], x.shape[3]}));
  if (node.node().op == "SumExt") {
    LENET_ASSIGN_OR_RETURN(
        y, Scale(node, {static_cast<float>(x.shape[2] * x.shape[3])}, y));
  }
  if (!keep) std::get<Activation>(y.value).shape.resize(2);
  return y;
}

// Adaptive pools whose windows lie side by side.
absl::StatusOr<Operand> BuildAdaptivePool(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  const Argument kSize = {"output_size", 1};
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> tile,
                         node.Pair(kSize, 1, kMaxSide));
  for (size_t i = 0; i < 2; ++i) {
    if (x.shape[2 + i] % tile[i] != 0) {
      return node.Error(
          kSize, ShapeText(tile),
          absl::StrCat("divisors of the size of ", ShapeText(x.shape)));
    }
    tile[i] = x.shape[2 + i] / tile[i];
  }
  if (node.node().op == "AdaptiveAvgPool2D") {
    return AddTiles(node, StepKind::kAveragePool, x, tile);
  }
  LENET_ASSIGN_OR_RETURN(Operand y,
                         AddTiles(node, StepKind::kMaxPool, x, tile));
  return FirstOfTuple(std::move(y));
}

// Pads images with zeros by a convolution of one pixel. Pad has the padding of
// each axis, PadV3 (left, right, top, bottom).
absl::StatusOr<Operand> BuildPad(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, ImageInput(node));
  const bool v3 = node.node().op == "PadV3";
  const Argument kPaddings = {"paddings", 1};
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> pad,
                         node.Ints(kPaddings, 0, kMaxWindow));
  LENET_ASSIGN_OR_RETURN(const bool pairs, node.Bool({"paddings_contiguous"}));
  LENET_RETURN_IF_ERROR(
      node.Choice({"mode"}, {"constant"}, "constant").status());
  if (v3 != pairs || pad.size() != (v3 ? 4 : 8) ||
      (!v3 && std::count(pad.begin(), pad.begin() + 4, 0) < 4)) {
    return node.Error(kPaddings, ShapeText(pad), "that of height and width");
  }
  if (!node.CheckNone(2).ok()) {
    LENET_ASSIGN_OR_RETURN(const ConstantView value, node.ConstantInput(2));
    if (value.size() != 1 || value.data[0] != 0) {
      return node.Error("input 2: expected padding by 0");
    }
  }
  if (v3) std::rotate(pad.begin(), pad.begin() + 2, pad.end());
  pad.erase(pad.begin(), pad.end() - 4);  // top, bottom, left, right
  const int64_t channels = x.shape[1];
  Step step;
  step.kind = StepKind::kConv;
  step.scaled = std::make_shared<std::vector<float>>(channels, 1.0f);
  step.weights = {{channels, 1, 1, 1}, step.scaled->data()};
  step.out_channels = step.groups = static_cast<int>(channels);
  step.window = MakeWindow(x, {1, 1}, {1, 1}, {1, 1});
  SetPadding(pad, &step.window);
  return AddWindowStep(node, x, std::move(step));
}

}  // namespace lenet::graph
