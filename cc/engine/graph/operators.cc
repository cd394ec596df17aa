#include "cc/engine/graph/operators.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet::graph {
namespace {

// Adds y[..., out] = x[..., in] * weights, plus `bias` unless it is null.
absl::StatusOr<Operand> AddLinear(const NodeBuilder& node, const Activation& x,
                                  const ConstantView& weights, bool out_first,
                                  const ConstantView* bias) {
  if (x.shape.size() < 2 || weights.shape.size() != 2 ||
      weights.shape[out_first ? 1 : 0] != x.shape.back()) {
    return node.Error(absl::StrCat(
        "tensors ", ShapeText(x.shape), " and ", ShapeText(weights.shape),
        " do not match; expected [N, ..., in] and weights ",
        out_first ? "[out, in]" : "[in, out]"));
  }
  const int64_t out = weights.shape[out_first ? 0 : 1];
  Step step = MakeStep(StepKind::kLinear, x);
  step.weights = weights;
  step.out_first = out_first;
  step.outer = Product(x.shape, 1, x.shape.size() - 1);
  step.axis = static_cast<size_t>(x.shape.back());
  step.out_channels = static_cast<int>(out);
  if (bias != nullptr) {
    if (bias->shape != Shape{out}) {
      return node.Error(absl::StrCat("expected a bias ", ShapeText({out}),
                                     ", found ", ShapeText(bias->shape)));
    }
    step.constant.assign(bias->data, bias->data + out);
  }
  Shape shape = x.shape;
  shape.back() = out;
  return node.Add(std::move(step), std::move(shape));
}

absl::StatusOr<Operand> BuildMatMul(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights, node.ConstantInput(1));
  const Argument kTransposeA = {"transpose_a", 2};
  LENET_ASSIGN_OR_RETURN(const bool transpose_a, node.Bool(kTransposeA));
  if (transpose_a) return node.Error(kTransposeA, "true", "false");
  LENET_ASSIGN_OR_RETURN(const bool transpose_b, node.Bool({"transpose_b", 3}));
  if (x.shape.size() != 2) {
    return node.Error(
        absl::StrCat("input 0: expected [N, in], found ", ShapeText(x.shape)));
  }
  return AddLinear(node, x, weights, transpose_b, nullptr);
}

absl::StatusOr<Operand> BuildDense(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights, node.ConstantInput(1));
  if (std::holds_alternative<std::monostate>(node.Input(2).value)) {
    return AddLinear(node, x, weights, true, nullptr);
  }
  LENET_ASSIGN_OR_RETURN(const ConstantView bias, node.ConstantInput(2));
  return AddLinear(node, x, weights, true, &bias);
}

absl::StatusOr<Operand> BuildBiasAdd(const NodeBuilder& node) {
  LENET_RETURN_IF_ERROR(node.CheckFormat(2));
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const ConstantView bias, ChannelInput(node, x, 1));
  Step step = MakeStep(StepKind::kAddConstant, x);
  step.constant.assign(bias.data, bias.data + bias.size());
  step.inner = Product(x.shape, 2, x.shape.size());
  return node.Add(std::move(step), x.shape);
}

// Joins the tensors of a tuple along an axis.
absl::StatusOr<Operand> BuildConcat(const NodeBuilder& node) {
  const auto* const tuple = std::get_if<OperandTuple>(&node.Input(0).value);
  Operand result;
  for (const Operand& operand :
       tuple == nullptr ? std::vector<Operand>(1) : **tuple) {
    const auto* const part = std::get_if<Activation>(&operand.value);
    if (part == nullptr) {
      return node.Error("input 0: expected tensors that the network computes");
    }
    const auto* const x = std::get_if<Activation>(&result.value);
    if (x == nullptr) {
      result = operand;
      continue;
    }
    const size_t rank = x->shape.size();
    LENET_ASSIGN_OR_RETURN(const size_t axis, InnerAxis(node, rank));
    Shape shape = part->shape;
    if (shape.size() == rank) shape[axis] = x->shape[axis];
    if (shape != x->shape) {
      return node.Error(absl::StrCat(
          "expected tensors of one shape except for axis ", axis, ", found ",
          ShapeText(x->shape), " and ", ShapeText(part->shape)));
    }
    shape[axis] += part->shape[axis];
    Step step = MakeStep(StepKind::kConcat, *x);
    step.other = part->value;
    step.outer = Product(x->shape, 1, axis);
    step.axis = Product(x->shape, axis, rank);
    step.inner = Product(part->shape, axis, rank);
    LENET_ASSIGN_OR_RETURN(result, node.Add(std::move(step), std::move(shape)));
  }
  return result;
}

// Batch normalisation with the statistics of the training.
absl::StatusOr<Operand> BuildBatchNorm(const NodeBuilder& node) {
  LENET_RETURN_IF_ERROR(node.CheckFormat(8));
  const Argument kIsTraining = {"is_training", 5};
  LENET_ASSIGN_OR_RETURN(const bool is_training, node.Bool(kIsTraining));
  if (is_training) {
    return node.Error(kIsTraining, "true",
                      "false; call set_train(False) before the export");
  }
  LENET_ASSIGN_OR_RETURN(const double epsilon,
                         node.Float({"epsilon", 6}, 1e-5));
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  std::vector<ConstantView> parameters;  // gamma, beta, mean, variance
  for (size_t i = 1; i <= 4; ++i) {
    LENET_ASSIGN_OR_RETURN(parameters.emplace_back(), ChannelInput(node, x, i));
  }
  Step scale = MakeStep(StepKind::kScale, x);
  scale.inner = Product(x.shape, 2, x.shape.size());
  Step shift = scale;
  shift.kind = StepKind::kAddConstant;
  for (size_t i = 0; i < parameters[0].size(); ++i) {
    const double variance = parameters[3].data[i] + epsilon;
    if (!(variance > 0)) {
      return node.Error(absl::StrCat("expected a positive variance + epsilon ",
                                     "in each channel, found ", variance));
    }
    const double factor = parameters[0].data[i] / std::sqrt(variance);
    scale.constant.push_back(static_cast<float>(factor));
    shift.constant.push_back(static_cast<float>(
        parameters[1].data[i] - parameters[2].data[i] * factor));
  }
  LENET_ASSIGN_OR_RETURN(const Operand scaled,
                         node.Add(std::move(scale), x.shape));
  shift.x = std::get<Activation>(scaled.value).value;
  LENET_ASSIGN_OR_RETURN(Operand y, node.Add(std::move(shift), x.shape));
  return FirstOfTuple(std::move(y));
}

absl::StatusOr<Operand> BuildRelu(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  return node.Add(MakeStep(StepKind::kRelu, x), x.shape);
}

// Softmax, LogSoftmax and LogSoftmaxExt, which has a type as input 2.
absl::StatusOr<Operand> BuildSoftmax(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_RETURN_IF_ERROR(node.CheckNone(2));
  LENET_ASSIGN_OR_RETURN(const size_t axis, InnerAxis(node, x.shape.size()));
  Step step = MakeStep(
      node.node().op == "Softmax" ? StepKind::kSoftmax : StepKind::kLogSoftmax,
      x);
  step.outer = Product(x.shape, 1, axis);
  step.axis = static_cast<size_t>(x.shape[axis]);
  step.inner = Product(x.shape, axis + 1, x.shape.size());
  return node.Add(std::move(step), x.shape);
}

struct Operator {
  absl::StatusOr<Operand> (*build)(const NodeBuilder& node);
  size_t min_inputs;
  size_t max_inputs;
  std::vector<absl::string_view> attributes = {};
  bool any_attributes = false;
};

const std::map<std::string, Operator>& Operators() {
  constexpr size_t kAny = std::numeric_limits<size_t>::max();
  const std::vector<absl::string_view> kPool = {
      "kernel_size", "strides", "pad_mode", "format", "data_format"};
  const std::vector<absl::string_view> kPadded = {
      "kernel_size", "ksize",       "strides",           "pad_mode",
      "pad",         "pads",        "pad_list",          "dilation",
      "ceil_mode",   "argmax_type", "count_include_pad", "divisor_override",
      "format"};
  static const auto& operators = *new std::map<std::string, Operator>{
      {"AdaptiveAvgPool2D", {&BuildAdaptivePool, 1, 2, {"output_size"}}},
      {"AdaptiveMaxPool2D", {&BuildAdaptivePool, 1, 2, {"output_size"}}},
      {"ArgMaxWithValue", {&BuildArgmax, 1, 3, {"axis", "keep_dims"}}},
      {"ArgMaxExt", {&BuildArgmax, 1, 3, {"axis", "keepdim"}}},
      {"Argmax", {&BuildArgmax, 1, 3, {"axis", "output_type"}}},
      {"AvgPool", {&BuildPool, 1, 5, kPool}},
      {"AvgPool3D", {&BuildPool, 1, 1, kPadded}},
      {"BatchNorm",
       {&BuildBatchNorm,
        5,
        9,
        {"is_training", "epsilon", "momentum", "format", "data_format"}}},
      {"BiasAdd", {&BuildBiasAdd, 2, 3, {"format", "data_format"}}},
      {"Cast", {&BuildCast, 2, 2}},
      {"Concat", {&BuildConcat, 1, 2, {"axis"}}},
      {"Conv2D",
       {&BuildConv,
        2,
        2,
        {"kernel_size", "stride", "dilation", "pad_mode", "pad", "pad_list",
         "group", "groups", "out_channel", "mode", "format", "data_format"}}},
      {"Dense", {&BuildDense, 2, 3}},
      {"Depend", {&BuildFirstInput, 1, 2, {}, true}},
      {"ExpandDims", {&BuildExpandDims, 2, 2}},
      {"Flatten", {&BuildFlatten, 1, 1, {"axis"}}},
      {"FlattenExt", {&BuildFlatten, 1, 3}},
      {"Load", {&BuildFirstInput, 1, 2, {}, true}},
      {"LogSoftmax", {&BuildSoftmax, 1, 2, {"axis"}}},
      {"LogSoftmaxExt", {&BuildSoftmax, 1, 3}},
      {"MakeTuple", {&BuildTuple, 0, kAny, {}, true}},
      {"MatMul",
       {&BuildMatMul,
        2,
        4,
        {"transpose_a", "transpose_b", "transpose_x1", "transpose_x2"}}},
      {"MaxPool", {&BuildPool, 1, 1, kPool}},
      {"MaxPool3DWithArgmax", {&BuildPool, 1, 1, kPadded}},
      {"MaxPoolWithArgmaxV2", {&BuildPool, 1, 1, kPadded}},
      {"MeanExt", {&BuildReduce, 2, 4}},
      {"ReLU", {&BuildRelu, 1, 1}},
      {"ReduceMax", {&BuildReduce, 2, 3, {"keep_dims"}}},
      {"ReduceMean", {&BuildReduce, 2, 3, {"keep_dims"}}},
      {"Reshape", {&BuildReshape, 1, 2, {"shape"}}},
      {"Return", {&BuildFirstInput, 1, 2, {}, true}},
      {"Shape", {&BuildShape, 1, 1}},
      {"Softmax", {&BuildSoftmax, 1, 2, {"axis"}}},
      {"Squeeze", {&BuildSqueeze, 1, 2, {"axis"}}},
      {"TupleGetItem", {&BuildTupleItem, 2, 2, {}, true}},
      {"UpdateState", {&BuildNothing, 0, kAny, {}, true}},
  };
  return operators;
}

// Returns null for an unknown operator.
const Operator* Find(const std::string& name) {
  static const Operator kFunction = {&BuildFunction, 1, 2, {"alpha"}};
  static const Operator kArithmetic = {&BuildArithmetic, 2, 2};
  const auto found = Operators().find(name);
  if (found != Operators().end()) return &found->second;
  if (IsFunction(name)) return &kFunction;
  return IsArithmetic(name) ? &kArithmetic : nullptr;
}

// Returns whether MindSpore Lite 2.0 computed each of these operators on the
// CPU when it was tried.
bool LiteComputes(const MindIrModel& model) {
  constexpr absl::string_view kOnlyLite =
      " Conv2DTranspose L2Normalize LRN Pad Pow Stack StridedSlice Tile "
      "Transpose ";
  constexpr absl::string_view kNotLite =
      " AdaptiveAvgPool2D AdaptiveMaxPool2D ArgMaxExt ArgMaxWithValue Argmax "
      "AvgPool3D Cast Dense Divs FlattenExt LogSoftmaxExt MaxPool3DWithArgmax "
      "MaxPoolWithArgmaxV2 MeanExt Mish Muls ReduceMax SeLU Shape SiLU "
      "Softsign ";
  return std::all_of(
      model.nodes.begin(), model.nodes.end(), [&](const MindIrNode& node) {
        const std::string op = absl::StrCat(" ", node.op, " ");
        return Find(node.op) == nullptr ? absl::StrContains(kOnlyLite, op)
                                        : !absl::StrContains(kNotLite, op);
      });
}

}  // namespace

absl::StatusOr<size_t> InnerAxis(const NodeBuilder& node, size_t rank) {
  const Argument kAxis = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(const Shape axes, node.Axes(kAxis, rank));
  if (axes.size() == 1 && axes[0] != 0) return static_cast<size_t>(axes[0]);
  return node.Error(kAxis, ShapeText(axes),
                    "one axis other than the batch axis");
}

absl::StatusOr<ConstantView> ChannelInput(const NodeBuilder& node,
                                          const Activation& x, size_t index) {
  LENET_ASSIGN_OR_RETURN(ConstantView found, node.ConstantInput(index));
  if (x.shape.size() >= 2 && found.shape == Shape{x.shape[1]}) return found;
  return node.Error(absl::StrCat(
      "input ", index, ": weights ", ShapeText(found.shape), " do not match ",
      ShapeText(x.shape), "; expected [N, C, ...] and [C]"));
}

Operand FirstOfTuple(Operand first) {
  std::vector<Operand> elements;
  elements.push_back(std::move(first));
  return {std::make_shared<const std::vector<Operand>>(std::move(elements))};
}

absl::StatusOr<Operand> BuildNode(const NodeBuilder& node) {
  const Operator* const found = Find(node.node().op);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "node ", QuotedName(node.node().output), ": the operator ",
        QuotedName(node.node().op), " is not implemented; ",
        LiteComputes(node.model())
            ? "--engine=lite can compute it"
            : "--engine=lite is not known to compute this model either, so "
              "replace it in the network"));
  }
  const Operator& op = *found;
  if (!op.any_attributes) {
    LENET_RETURN_IF_ERROR(node.CheckAttributes(op.attributes));
  }
  LENET_RETURN_IF_ERROR(node.CheckInputs(op.min_inputs, op.max_inputs));
  return op.build(node);
}

}  // namespace lenet::graph
