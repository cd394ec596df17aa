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
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet::graph {
namespace {

using Shape = std::vector<int64_t>;
using Function = float (*)(float);
using Binary = float (*)(float, float);

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

// Reads the attribute axis, or input 1: one axis other than the batch axis.
absl::StatusOr<size_t> InnerAxis(const NodeBuilder& node, size_t rank) {
  const Argument kAxis = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(const Shape axes, node.Axes(kAxis, rank));
  if (axes.size() == 1 && axes[0] != 0) return static_cast<size_t>(axes[0]);
  return node.Error(kAxis, ShapeText(axes),
                    "one axis other than the batch axis");
}

// Reads input number `index`: one weight per channel of x.
absl::StatusOr<ConstantView> ChannelInput(const NodeBuilder& node,
                                          const Activation& x, size_t index) {
  LENET_ASSIGN_OR_RETURN(ConstantView found, node.ConstantInput(index));
  if (x.shape.size() >= 2 && found.shape == Shape{x.shape[1]}) return found;
  return node.Error(absl::StrCat(
      "input ", index, ": weights ", ShapeText(found.shape), " do not match ",
      ShapeText(x.shape), "; expected [N, C, ...] and [C]"));
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

// Sets `constant` and `inner` of a step. `constant` is broadcast to the shape
// of x.
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

// An operator of two operands, x and y. If y is a constant and it has a `kind`,
// it is that step, which can be fused, with `function` of the constant.
struct Arithmetic {
  Binary binary;
  StepKind kind = StepKind::kBinary;
  Function function = nullptr;
};

// The names may end with "s", if y is a number. NaN stays NaN.
const std::map<absl::string_view, Arithmetic>& Arithmetics() {
  const Function invert = [](float y) { return 1.0f / y; };
  static const auto& arithmetics = *new std::map<absl::string_view, Arithmetic>{
      {"Add", {[](float x, float y) { return x + y; }, StepKind::kAddConstant}},
      {"Div",
       {[](float x, float y) { return x / y; }, StepKind::kScale, invert}},
      {"Maximum", {[](float x, float y) { return x > y || x != x ? x : y; }}},
      {"Minimum", {[](float x, float y) { return x < y || x != x ? x : y; }}},
      {"Mul", {[](float x, float y) { return x * y; }, StepKind::kScale}},
      {"PReLU", {[](float x, float y) { return x > 0 ? x : x * y; }}},
      {"RealDiv",
       {[](float x, float y) { return x / y; }, StepKind::kScale, invert}},
      {"Sub",
       {[](float x, float y) { return x - y; }, StepKind::kAddConstant,
        [](float y) { return -y; }}},
  };
  return arithmetics;
}

// Adds a step with x and a constant, which is its first operand with `swap`.
absl::StatusOr<Operand> AddConstant(const NodeBuilder& node,
                                    const Arithmetic& arithmetic,
                                    const Activation& x,
                                    const ConstantView& constant, bool swap) {
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
  const Function function = arithmetic.function;
  Step step = MakeStep(
      swap && function != nullptr ? StepKind::kBinary : arithmetic.kind, x);
  step.binary = arithmetic.binary;
  step.swap = swap;
  Broadcast(x, constant, &step);
  if (!swap && function != nullptr) {
    std::transform(step.constant.begin(), step.constant.end(),
                   step.constant.begin(), function);
  }
  return node.Add(std::move(step), x.shape);
}

// Adds a step for two tensors, of which one may have size 1 in the last axes.
absl::StatusOr<Operand> AddTensors(const NodeBuilder& node, Binary binary) {
  LENET_ASSIGN_OR_RETURN(Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(Activation other, node.ActivationInput(1));
  const bool swap = ElementCount(x.shape) < ElementCount(other.shape);
  if (swap) std::swap(x, other);
  Shape shape = other.shape;
  while (shape.size() > 1 && shape.back() == 1) shape.pop_back();
  if (x.shape.size() != other.shape.size() ||
      !std::equal(shape.begin(), shape.end(), x.shape.begin())) {
    return node.Error(absl::StrCat(
        "expected a constant, or two tensors of one shape except for ones at ",
        "its end, found ", ShapeText(x.shape), " and ",
        ShapeText(other.shape)));
  }
  Step step = MakeStep(node.node().op == "Add" && x.shape == other.shape
                           ? StepKind::kAdd
                           : StepKind::kBinary,
                       x);
  step.binary = binary;
  step.swap = swap;
  step.other = other.value;
  step.inner = Product(x.shape, shape.size(), x.shape.size());
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildArithmetic(const NodeBuilder& node) {
  absl::string_view op = node.node().op;
  if (Arithmetics().count(op) == 0) op.remove_suffix(1);
  const Arithmetic& arithmetic = Arithmetics().at(op);
  const auto is_constant = [&](size_t index) {
    return std::holds_alternative<ConstantView>(node.Input(index).value);
  };
  const bool first = is_constant(0) && op != "PReLU";
  if (!first && !is_constant(1)) return AddTensors(node, arithmetic.binary);
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(first));
  LENET_ASSIGN_OR_RETURN(ConstantView constant, node.ConstantInput(!first));
  if (op == "PReLU" && constant.size() > 1) {
    LENET_RETURN_IF_ERROR(ChannelInput(node, x, 1).status());
    constant.shape.resize(x.shape.size() - 1, 1);  // [C, 1, ...]
  }
  return AddConstant(node, arithmetic, x, constant, first);
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

// Activation functions as MindSpore defines them. NaN stays NaN.
const std::map<absl::string_view, Function>& Functions() {
  static const auto& functions = *new std::map<absl::string_view, Function>{
      {"Abs", [](float x) { return std::fabs(x); }},
      {"Elu", [](float x) { return x > 0 ? x : std::expm1(x); }},
      {"Erf", [](float x) { return std::erf(x); }},
      {"Exp", [](float x) { return std::exp(x); }},
      {"GeLU",
       [](float x) {
         const float inner = 0.79788456f * (x + 0.044715f * x * x * x);
         return 0.5f * x * (1.0f + std::tanh(inner));
       }},
      {"HSigmoid",
       [](float x) { return std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }},
      {"HSwish",
       [](float x) { return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }},
      {"Mish", [](float x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"Neg", [](float x) { return -x; }},
      {"ReLU6", [](float x) { return std::clamp(x, 0.0f, 6.0f); }},
      {"SeLU",
       [](float x) {
         return 1.05070098f * (x > 0 ? x : 1.67326324f * std::expm1(x));
       }},
      {"SiLU", [](float x) { return x / (1.0f + std::exp(-x)); }},
      {"Sigmoid", [](float x) { return 1.0f / (1.0f + std::exp(-x)); }},
      {"Softsign", [](float x) { return x / (1.0f + std::fabs(x)); }},
      {"Sqrt", [](float x) { return std::sqrt(x); }},
      {"Square", [](float x) { return x * x; }},
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
  LENET_ASSIGN_OR_RETURN(const size_t axis, InnerAxis(node, x.shape.size()));
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

// Returns the shape of a tensor or of an argmax; null for other operands.
Shape* ShapeOf(Operand* operand) {
  if (auto* const argmax = std::get_if<Argmax>(&operand->value)) {
    return &argmax->shape;
  }
  auto* const x = std::get_if<Activation>(&operand->value);
  return x == nullptr ? nullptr : &x->shape;
}

absl::StatusOr<Operand> BuildSqueeze(const NodeBuilder& node) {
  Operand x = node.Input(0);
  Shape* const shape = ShapeOf(&x);
  if (shape == nullptr) return node.ActivationInput(0).status();
  const Argument kAxis = {"axis", 1};
  LENET_ASSIGN_OR_RETURN(Shape axes, node.Axes(kAxis, shape->size()));
  for (; !axes.empty(); axes.pop_back()) {
    const int64_t axis = axes.back();
    if (axis == 0 || (*shape)[static_cast<size_t>(axis)] != 1) {
      return node.Error(kAxis, absl::StrCat(axis),
                        absl::StrCat("axes of size 1, without the batch, of ",
                                     ShapeText(*shape)));
    }
    shape->erase(shape->begin() + axis);
  }
  return x;
}

absl::StatusOr<Operand> BuildExpandDims(const NodeBuilder& node) {
  Operand x = node.Input(0);
  Shape* const shape = ShapeOf(&x);
  if (shape == nullptr) return node.ActivationInput(0).status();
  LENET_ASSIGN_OR_RETURN(const size_t axis, InnerAxis(node, shape->size() + 1));
  shape->insert(shape->begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return x;
}

// Conversions that change nothing: of a class index, and to float32.
absl::StatusOr<Operand> BuildCast(const NodeBuilder& node) {
  constexpr int64_t kFloat32 = 43;
  const Argument kType = {"dtype", 1};
  LENET_ASSIGN_OR_RETURN(const int64_t type, node.Int(kType, kFloat32));
  if (std::holds_alternative<Argmax>(node.Input(0).value) || type == kFloat32) {
    return node.Input(0);
  }
  return node.Error(kType, absl::StrCat(type), "43 (float32)");
}

// Argmax, ArgMaxExt and ArgMaxWithValue; the last two have a flag as input 2.
absl::StatusOr<Operand> BuildArgmax(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const int64_t axis, node.Int({"axis", 1}, -1));
  if (x.shape.size() != 2 || (axis != 1 && axis != -1)) {
    return node.Error(absl::StrCat("expected the argmax of [N, classes] along ",
                                   "axis 1, found ", ShapeText(x.shape),
                                   " and axis ", axis));
  }
  Argmax argmax = {x, {x.shape[0]}};
  if (node.node().op == "Argmax") return Operand{std::move(argmax)};
  const bool with_value = node.node().op == "ArgMaxWithValue";
  LENET_ASSIGN_OR_RETURN(const bool keep,
                         node.Bool({with_value ? "keep_dims" : "keepdim", 2}));
  if (keep) argmax.shape.push_back(1);
  Operand result = {std::move(argmax)};
  return with_value ? FirstOfTuple(std::move(result)) : result;
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
  if (Functions().count(name) > 0) return &kFunction;
  const bool known = Arithmetics().count(name) > 0 ||
                     Arithmetics().count(absl::StripSuffix(name, "s")) > 0;
  return known ? &kArithmetic : nullptr;
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
