// Operators that compute each element by itself, of one tensor or two.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/engine/graph/operators.h"

namespace lenet::graph {
namespace {

using Function = float (*)(float);
using Binary = float (*)(float, float);

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

}  // namespace

bool IsFunction(absl::string_view op) { return Functions().count(op) > 0; }

bool IsArithmetic(absl::string_view op) {
  return Arithmetics().count(op) > 0 ||
         Arithmetics().count(absl::StripSuffix(op, "s")) > 0;
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

}  // namespace lenet::graph
