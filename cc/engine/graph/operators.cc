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

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet::graph {
namespace {

using Shape = std::vector<int64_t>;
using Function = float (*)(float);

// Returns the product of the dimensions from `begin` to `end`.
size_t Product(const Shape& shape, size_t begin, size_t end) {
  return ElementCount(absl::MakeConstSpan(shape).subspan(begin, end - begin));
}

Step MakeStep(StepKind kind, const Activation& x) {
  Step step;
  step.kind = kind;
  step.x = x.value;
  return step;
}

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
  LENET_ASSIGN_OR_RETURN(const ConstantView bias, node.ConstantInput(1));
  if (x.shape.size() < 2 || bias.shape != Shape{x.shape[1]}) {
    return node.Error(absl::StrCat("a bias ", ShapeText(bias.shape),
                                   " does not match ", ShapeText(x.shape),
                                   "; expected [N, C, ...] and [C]"));
  }
  Step step = MakeStep(StepKind::kAddConstant, x);
  step.constant.assign(bias.data, bias.data + bias.size());
  step.inner = Product(x.shape, 2, x.shape.size());
  return node.Add(std::move(step), x.shape);
}

// Sets `constant` and `inner` of a kAddConstant or kScale step. `constant` is
// broadcast to the shape of x.
void Broadcast(const Activation& x, const ConstantView& constant, Step* step) {
  const size_t rank = x.shape.size();
  Shape shape = constant.shape;
  shape.insert(shape.begin(), rank - shape.size(), 1);
  size_t begin = 1;
  while (begin < rank && shape[begin] == 1) ++begin;
  size_t end = rank;
  while (end > begin && shape[end - 1] == 1) --end;
  if (std::equal(shape.begin() + static_cast<std::ptrdiff_t>(begin),
                 shape.begin() + static_cast<std::ptrdiff_t>(end),
                 x.shape.begin() + static_cast<std::ptrdiff_t>(begin))) {
    step->constant.assign(constant.data, constant.data + constant.size());
    step->inner = Product(x.shape, end, rank);
    return;
  }
  // A dimension of 1 between others: the constant is expanded to one image.
  step->constant.resize(Product(x.shape, 1, rank));
  step->inner = 1;
  for (size_t i = 0; i < step->constant.size(); ++i) {
    size_t rest = i, source = 0, stride = 1;
    for (size_t axis = rank; axis-- > 1;) {
      const size_t index = rest % static_cast<size_t>(x.shape[axis]);
      rest /= static_cast<size_t>(x.shape[axis]);
      if (shape[axis] != 1) source += index * stride;
      stride *= static_cast<size_t>(shape[axis]);
    }
    step->constant[i] = constant.data[source];
  }
}

// Adds a step with a constant, to whose elements `function` is applied first.
absl::StatusOr<Operand> AddConstant(const NodeBuilder& node, StepKind kind,
                                    const Activation& x,
                                    const ConstantView& constant,
                                    Function function) {
  const size_t rank = x.shape.size();
  const size_t missing = rank - std::min(rank, constant.shape.size());
  bool fits = constant.shape.size() <= rank;
  for (size_t i = missing; fits && i < rank; ++i) {
    const int64_t size = constant.shape[i - missing];
    fits = size == 1 || (i > 0 && size == x.shape[i]);
  }
  if (!fits) {
    return node.Error(absl::StrCat(
        "a constant ", ShapeText(constant.shape), " is combined with ",
        ShapeText(x.shape), "; expected a constant that is broadcast to this ",
        "shape and is the same for all images"));
  }
  Step step = MakeStep(kind, x);
  Broadcast(x, constant, &step);
  std::transform(step.constant.begin(), step.constant.end(),
                 step.constant.begin(), function);
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> AddTensors(const NodeBuilder& node, StepKind kind) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const Activation other, node.ActivationInput(1));
  if (x.shape != other.shape) {
    return node.Error(absl::StrCat(
        "expected two tensors of one shape, or a tensor and a constant, found ",
        ShapeText(x.shape), " and ", ShapeText(other.shape)));
  }
  Step step = MakeStep(kind, x);
  step.other = other.value;
  return node.Add(std::move(step), x.shape);
}

bool IsConstant(const NodeBuilder& node, size_t index) {
  return std::holds_alternative<ConstantView>(node.Input(index).value);
}

// Add, Sub, Mul and Div with a constant; Add also with another tensor.
absl::StatusOr<Operand> BuildArithmetic(const NodeBuilder& node) {
  const char kind = node.node().op[0] == 'R' ? 'D' : node.node().op[0];
  const bool either_side = kind == 'A' || kind == 'M';
  const size_t x_index = either_side && IsConstant(node, 0) ? 1 : 0;
  if (kind == 'A' && !IsConstant(node, 1 - x_index)) {
    return AddTensors(node, StepKind::kAdd);
  }
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(x_index));
  LENET_ASSIGN_OR_RETURN(const ConstantView constant,
                         node.ConstantInput(1 - x_index));
  Function function = [](float c) { return c; };
  if (kind == 'S') function = [](float c) { return -c; };
  if (kind == 'D') function = [](float c) { return 1.0f / c; };
  return AddConstant(
      node,
      kind == 'A' || kind == 'S' ? StepKind::kAddConstant : StepKind::kScale, x,
      constant, function);
}

absl::StatusOr<Operand> BuildMaximum(const NodeBuilder& node) {
  return AddTensors(node, StepKind::kMaximum);
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
    LENET_ASSIGN_OR_RETURN(parameters.emplace_back(), node.ConstantInput(i));
    if (x.shape.size() < 2 || parameters.back().shape != Shape{x.shape[1]}) {
      return node.Error(absl::StrCat("input ", i, ": a parameter ",
                                     ShapeText(parameters.back().shape),
                                     " does not match ", ShapeText(x.shape),
                                     "; expected [N, C, ...] and [C]"));
    }
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
  return Operand{std::make_shared<const std::vector<Operand>>(1, std::move(y))};
}

// Activation functions as MindSpore defines them. NaN stays NaN.
const std::map<absl::string_view, Function>& Functions() {
  static const auto& functions = *new std::map<absl::string_view, Function>{
      {"Elu", [](float x) { return x > 0 ? x : std::expm1(x); }},
      {"GeLU",
       [](float x) {
         const float inner = 0.79788456f * (x + 0.044715f * x * x * x);
         return 0.5f * x * (1.0f + std::tanh(inner));
       }},
      {"HSwish",
       [](float x) { return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }},
      {"Mish", [](float x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"ReLU6", [](float x) { return std::clamp(x, 0.0f, 6.0f); }},
      {"SiLU", [](float x) { return x / (1.0f + std::exp(-x)); }},
      {"Sigmoid", [](float x) { return 1.0f / (1.0f + std::exp(-x)); }},
      {"Tanh", [](float x) { return std::tanh(x); }},
  };
  return functions;
}

absl::StatusOr<Operand> BuildFunction(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  const Argument kAlpha = {"alpha", 1};  // of Elu
  LENET_ASSIGN_OR_RETURN(const double alpha, node.Float(kAlpha, 1.0));
  if (alpha != 1.0) return node.Error(kAlpha, absl::StrCat(alpha), "1");
  Step step = MakeStep(StepKind::kFunction, x);
  step.function = Functions().at(node.node().op);
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildRelu(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  return node.Add(MakeStep(StepKind::kRelu, x), x.shape);
}

// Softmax, LogSoftmax and LogSoftmaxExt, which has a type as input 2.
absl::StatusOr<Operand> BuildSoftmax(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_RETURN_IF_ERROR(node.CheckNone(2));
  const Argument kAxis = {"axis", 1};
  const auto rank = static_cast<int64_t>(x.shape.size());
  LENET_ASSIGN_OR_RETURN(Shape axes, node.Ints(kAxis, -rank, rank - 1));
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  if (axes.size() != 1 || axes[0] == 0) {
    return node.Error(kAxis, ShapeText(axes),
                      "one axis other than the batch axis");
  }
  const auto axis = static_cast<size_t>(axes[0]);
  Step step = MakeStep(
      node.node().op == "Softmax" ? StepKind::kSoftmax : StepKind::kLogSoftmax,
      x);
  step.outer = Product(x.shape, 1, axis);
  step.axis = static_cast<size_t>(x.shape[axis]);
  step.inner = Product(x.shape, axis + 1, x.shape.size());
  return node.Add(std::move(step), x.shape);
}

// Flatten and FlattenExt, which has the first and the last axis as inputs.
absl::StatusOr<Operand> BuildFlatten(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  const Argument kAxis = {"axis", 1}, kEnd = {"end_dim", 2};
  LENET_ASSIGN_OR_RETURN(const int64_t axis, node.Int(kAxis, 1));
  if (axis != 1) return node.Error(kAxis, absl::StrCat(axis), "1");
  LENET_ASSIGN_OR_RETURN(const int64_t end, node.Int(kEnd, -1));
  if (end != -1 && end != static_cast<int64_t>(x.shape.size()) - 1) {
    return node.Error(kEnd, absl::StrCat(end), "the last axis");
  }
  const auto size = static_cast<int64_t>(Product(x.shape, 1, x.shape.size()));
  return Operand{Activation{x.value, {x.shape[0], size}}};
}

// Reads the shape for `count` elements; one dimension may be -1 (inferred).
absl::StatusOr<Shape> ReshapeTarget(const NodeBuilder& node, size_t count) {
  const Argument kShape = {"shape", 1};
  LENET_ASSIGN_OR_RETURN(
      Shape shape, node.Ints(kShape, -1, std::numeric_limits<int32_t>::max()));
  size_t product = 1;
  size_t inferred = shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1 && inferred == shape.size()) {
      inferred = i;
    } else if (shape[i] <= 0 ||
               static_cast<size_t>(shape[i]) > count / product) {
      product = 0;
      break;
    } else {
      product *= static_cast<size_t>(shape[i]);
    }
  }
  if (product != 0 && inferred < shape.size() && count % product == 0) {
    shape[inferred] = static_cast<int64_t>(count / product);
    product = count;
  }
  if (product == count) return shape;
  return node.Error(kShape, ShapeText(shape),
                    absl::StrCat("a shape of ", count, " elements"));
}

absl::StatusOr<Operand> BuildReshape(const NodeBuilder& node) {
  if (const auto* const constant =
          std::get_if<ConstantView>(&node.Input(0).value)) {
    LENET_ASSIGN_OR_RETURN(Shape shape, ReshapeTarget(node, constant->size()));
    return Operand{ConstantView{std::move(shape), constant->data}};
  }
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(Shape shape,
                         ReshapeTarget(node, ElementCount(x.shape)));
  if (shape.empty() || shape[0] != x.shape[0]) {
    return node.Error({"shape"}, ShapeText(shape),
                      absl::StrCat("the batch of ", x.shape[0],
                                   " images along the first axis"));
  }
  return Operand{Activation{x.value, std::move(shape)}};
}

absl::StatusOr<Operand> BuildSqueeze(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(Activation x, node.ActivationInput(0));
  const Argument kAxis = {"axis", 1};
  const auto rank = static_cast<int64_t>(x.shape.size());
  LENET_ASSIGN_OR_RETURN(Shape axes, node.Ints(kAxis, -rank, rank - 1));
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  std::sort(axes.rbegin(), axes.rend());
  if (std::unique(axes.begin(), axes.end()) != axes.end() || axes.empty()) {
    return node.Error(kAxis, ShapeText(axes), "different axes");
  }
  for (const int64_t axis : axes) {
    if (axis == 0 || x.shape[static_cast<size_t>(axis)] != 1) {
      return node.Error(kAxis, ShapeText(axes),
                        absl::StrCat("axes of size 1, without the batch, of ",
                                     ShapeText(x.shape)));
    }
    x.shape.erase(x.shape.begin() + axis);
  }
  return Operand{std::move(x)};
}

// Argmax, and ArgMaxExt, which has a flag as input 2.
absl::StatusOr<Operand> BuildArgmax(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  const Argument kAxis = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(const int64_t axis, node.Int(kAxis, -1));
  if (x.shape.size() != 2 || (axis != 1 && axis != -1)) {
    return node.Error(absl::StrCat("expected the argmax of [N, classes] along ",
                                   "axis 1, found ", ShapeText(x.shape),
                                   " and axis ", axis));
  }
  Argmax argmax = {x, {x.shape[0]}};
  if (node.node().op == "ArgMaxExt") {
    LENET_ASSIGN_OR_RETURN(const bool keep, node.Bool({"keepdim", 2}));
    if (keep) argmax.shape.push_back(1);
  }
  return Operand{std::move(argmax)};
}

absl::StatusOr<Operand> BuildShape(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  MindIrValue::Sequence sizes;
  for (const int64_t size : x.shape) sizes.emplace_back().value = size;
  return Operand{MindIrValue{std::move(sizes)}};
}

// Load, Depend and Return: their first input. They order side effects, which
// these networks do not have.
absl::StatusOr<Operand> BuildFirstInput(const NodeBuilder& node) {
  return node.Input(0);
}

absl::StatusOr<Operand> BuildNothing(const NodeBuilder&) { return Operand{}; }

absl::StatusOr<Operand> BuildTuple(const NodeBuilder& node) {
  auto elements = std::make_shared<std::vector<Operand>>();
  MindIrValue::Sequence integers;
  for (size_t i = 0; i < node.node().inputs.size(); ++i) {
    elements->push_back(node.Input(i));
    const MindIrValue* const value = node.Value(i);
    if (value != nullptr && std::holds_alternative<int64_t>(value->value)) {
      integers.push_back(*value);
    }
  }
  if (integers.size() == elements->size()) {
    return Operand{MindIrValue{std::move(integers)}};
  }
  return Operand{OperandTuple(std::move(elements))};
}

absl::StatusOr<Operand> BuildTupleItem(const NodeBuilder& node) {
  const Argument kIndex = {"index", 1};
  LENET_ASSIGN_OR_RETURN(const int64_t index, node.Int(kIndex, 0));
  if (const MindIrValue* const value = node.Value(0)) {
    const auto* const sizes = std::get_if<MindIrValue::Sequence>(&value->value);
    if (sizes != nullptr && index >= 0 &&
        index < static_cast<int64_t>(sizes->size())) {
      return Operand{(*sizes)[static_cast<size_t>(index)]};
    }
  }
  const auto* const tuple = std::get_if<OperandTuple>(&node.Input(0).value);
  if (tuple == nullptr) {
    return node.Error("input 0: expected a tuple, found none");
  }
  if (index < 0 || index >= static_cast<int64_t>((*tuple)->size())) {
    return node.Error(
        kIndex, absl::StrCat(index),
        absl::StrCat("an index into a tuple of ", (*tuple)->size()));
  }
  return (**tuple)[static_cast<size_t>(index)];
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
  static const auto& operators = *new std::map<std::string, Operator>{
      {"AdaptiveAvgPool2D", {&BuildAdaptivePool, 1, 2, {"output_size"}}},
      {"Add", {&BuildArithmetic, 2, 2}},
      {"ArgMaxExt", {&BuildArgmax, 1, 3, {"axis", "keepdim"}}},
      {"Argmax", {&BuildArgmax, 1, 3, {"axis", "output_type"}}},
      {"AvgPool",
       {&BuildAveragePool,
        1,
        5,
        {"kernel_size", "strides", "pad_mode", "format", "data_format"}}},
      {"BatchNorm",
       {&BuildBatchNorm,
        5,
        9,
        {"is_training", "epsilon", "momentum", "format", "data_format"}}},
      {"BiasAdd", {&BuildBiasAdd, 2, 3, {"format", "data_format"}}},
      {"Conv2D",
       {&BuildConv,
        2,
        2,
        {"kernel_size", "stride", "dilation", "pad_mode", "pad", "pad_list",
         "group", "groups", "out_channel", "mode", "format", "data_format"}}},
      {"Dense", {&BuildDense, 2, 3}},
      {"Depend", {&BuildFirstInput, 1, 2, {}, true}},
      {"Div", {&BuildArithmetic, 2, 2}},
      {"Divs", {&BuildArithmetic, 2, 2}},
      {"Elu", {&BuildFunction, 1, 2, {"alpha"}}},
      {"Flatten", {&BuildFlatten, 1, 1, {"axis"}}},
      {"FlattenExt", {&BuildFlatten, 1, 3}},
      {"GeLU", {&BuildFunction, 1, 1}},
      {"HSwish", {&BuildFunction, 1, 1}},
      {"Load", {&BuildFirstInput, 1, 2, {}, true}},
      {"LogSoftmax", {&BuildSoftmax, 1, 2, {"axis"}}},
      {"LogSoftmaxExt", {&BuildSoftmax, 1, 3}},
      {"MakeTuple", {&BuildTuple, 0, kAny, {}, true}},
      {"MatMul",
       {&BuildMatMul,
        2,
        4,
        {"transpose_a", "transpose_b", "transpose_x1", "transpose_x2"}}},
      {"MaxPool",
       {&BuildMaxPool,
        1,
        1,
        {"kernel_size", "strides", "pad_mode", "format", "data_format"}}},
      {"Maximum", {&BuildMaximum, 2, 2}},
      {"MeanExt", {&BuildMean, 2, 4}},
      {"Mish", {&BuildFunction, 1, 1}},
      {"Mul", {&BuildArithmetic, 2, 2}},
      {"Muls", {&BuildArithmetic, 2, 2}},
      {"ReLU", {&BuildRelu, 1, 1}},
      {"ReLU6", {&BuildFunction, 1, 1}},
      {"RealDiv", {&BuildArithmetic, 2, 2}},
      {"ReduceMean", {&BuildMean, 2, 3, {"keep_dims"}}},
      {"Reshape", {&BuildReshape, 1, 2, {"shape"}}},
      {"Return", {&BuildFirstInput, 1, 2, {}, true}},
      {"Shape", {&BuildShape, 1, 1}},
      {"SiLU", {&BuildFunction, 1, 1}},
      {"Sigmoid", {&BuildFunction, 1, 1}},
      {"Softmax", {&BuildSoftmax, 1, 2, {"axis"}}},
      {"Squeeze", {&BuildSqueeze, 1, 2, {"axis"}}},
      {"Sub", {&BuildArithmetic, 2, 2}},
      {"Tanh", {&BuildFunction, 1, 1}},
      {"TupleGetItem", {&BuildTupleItem, 2, 2, {}, true}},
      {"UpdateState", {&BuildNothing, 0, kAny, {}, true}},
  };
  return operators;
}

}  // namespace

absl::StatusOr<Operand> BuildNode(const NodeBuilder& node) {
  const auto found = Operators().find(node.node().op);
  if (found == Operators().end()) {
    // Operators that were tried with MindSpore Lite 2.0 on the CPU. These
    // failed: AdaptiveMaxPool2D, ClampScalar, Concat, GroupNorm, LayerNorm,
    // ReduceMax, MaxPool3DWithArgmax, ReduceSum, Split, StridedSlice.
    static constexpr absl::string_view kLite[] = {
        "Abs", "ExpandDims", "HSigmoid", "PReLU", "Pad", "Transpose"};
    const bool lite = std::find(std::begin(kLite), std::end(kLite),
                                node.node().op) != std::end(kLite);
    return absl::InvalidArgumentError(absl::StrCat(
        "node ", QuotedName(node.node().output), ": the operator ",
        QuotedName(node.node().op), " is not implemented; ",
        lite ? "--engine=lite can compute it"
             : "--engine=lite is not known to compute it either, so replace it "
               "in the network"));
  }
  const Operator& op = found->second;
  if (!op.any_attributes) {
    LENET_RETURN_IF_ERROR(node.CheckAttributes(op.attributes));
  }
  LENET_RETURN_IF_ERROR(node.CheckInputs(op.min_inputs, op.max_inputs));
  return op.build(node);
}

}  // namespace lenet::graph
