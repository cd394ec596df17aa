#include "cc/engine/graph/operators.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet::graph {
namespace {

using Shape = std::vector<int64_t>;

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

// Sets `constant` and `inner` of a kAddConstant step. `constant` is broadcast
// to the shape of x.
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

absl::StatusOr<Operand> AddConstant(const NodeBuilder& node,
                                    const Activation& x,
                                    const ConstantView& constant) {
  const size_t rank = x.shape.size();
  const size_t missing = rank - std::min(rank, constant.shape.size());
  bool fits = constant.shape.size() <= rank;
  for (size_t i = missing; fits && i < rank; ++i) {
    const int64_t size = constant.shape[i - missing];
    fits = size == 1 || (i > 0 && size == x.shape[i]);
  }
  if (!fits) {
    return node.Error(absl::StrCat(
        "a constant ", ShapeText(constant.shape), " is added to ",
        ShapeText(x.shape), "; expected a constant that is broadcast to this ",
        "shape and is the same for all images"));
  }
  Step step = MakeStep(StepKind::kAddConstant, x);
  Broadcast(x, constant, &step);
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildAdd(const NodeBuilder& node) {
  const auto is_constant = [&](size_t index) {
    return std::holds_alternative<ConstantView>(node.Input(index).value);
  };
  const size_t x_index = is_constant(0) ? 1 : 0;
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(x_index));
  if (is_constant(1 - x_index)) {
    LENET_ASSIGN_OR_RETURN(const ConstantView constant,
                           node.ConstantInput(1 - x_index));
    return AddConstant(node, x, constant);
  }
  LENET_ASSIGN_OR_RETURN(const Activation other, node.ActivationInput(1));
  if (x.shape != other.shape) {
    return node.Error(absl::StrCat(
        "expected two tensors of one shape, or a tensor and a constant, found ",
        ShapeText(x.shape), " and ", ShapeText(other.shape)));
  }
  Step step = MakeStep(StepKind::kAdd, x);
  step.other = other.value;
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildRelu(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  return node.Add(MakeStep(StepKind::kRelu, x), x.shape);
}

absl::StatusOr<Operand> BuildSoftmax(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  const Argument kAxis = {"axis", 1};
  const auto rank = static_cast<int64_t>(x.shape.size());
  LENET_ASSIGN_OR_RETURN(Shape axes, node.Ints(kAxis, -rank, rank - 1));
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  if (axes.size() != 1 || axes[0] == 0) {
    return node.Error(kAxis, ShapeText(axes),
                      "one axis other than the batch axis");
  }
  const auto axis = static_cast<size_t>(axes[0]);
  Step step = MakeStep(StepKind::kSoftmax, x);
  step.outer = Product(x.shape, 1, axis);
  step.axis = static_cast<size_t>(x.shape[axis]);
  step.inner = Product(x.shape, axis + 1, x.shape.size());
  return node.Add(std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildFlatten(const NodeBuilder& node) {
  LENET_ASSIGN_OR_RETURN(const Activation x, node.ActivationInput(0));
  LENET_ASSIGN_OR_RETURN(const int64_t axis, node.Int({"axis"}, 1));
  if (axis != 1) return node.Error({"axis"}, absl::StrCat(axis), "1");
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

// Load, Depend and Return: their first input. They order side effects, which
// these networks do not have.
absl::StatusOr<Operand> BuildFirstInput(const NodeBuilder& node) {
  return node.Input(0);
}

absl::StatusOr<Operand> BuildNothing(const NodeBuilder&) { return Operand{}; }

absl::StatusOr<Operand> BuildTuple(const NodeBuilder& node) {
  auto elements = std::make_shared<std::vector<Operand>>();
  for (size_t i = 0; i < node.node().inputs.size(); ++i) {
    elements->push_back(node.Input(i));
  }
  return Operand{OperandTuple(std::move(elements))};
}

absl::StatusOr<Operand> BuildTupleItem(const NodeBuilder& node) {
  const Argument kIndex = {"index", 1};
  LENET_ASSIGN_OR_RETURN(const int64_t index, node.Int(kIndex, 0));
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
      {"Add", {&BuildAdd, 2, 2}},
      {"AvgPool",
       {&BuildAveragePool,
        1,
        5,
        {"kernel_size", "strides", "pad_mode", "format", "data_format"}}},
      {"BiasAdd", {&BuildBiasAdd, 2, 3, {"format", "data_format"}}},
      {"Conv2D",
       {&BuildConv,
        2,
        2,
        {"kernel_size", "stride", "dilation", "pad_mode", "pad", "pad_list",
         "group", "groups", "out_channel", "mode", "format", "data_format"}}},
      {"Dense", {&BuildDense, 2, 3}},
      {"Depend", {&BuildFirstInput, 1, 2, {}, true}},
      {"Flatten", {&BuildFlatten, 1, 1, {"axis"}}},
      {"Load", {&BuildFirstInput, 1, 2, {}, true}},
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
      {"ReLU", {&BuildRelu, 1, 1}},
      {"Reshape", {&BuildReshape, 1, 2, {"shape"}}},
      {"Return", {&BuildFirstInput, 1, 2, {}, true}},
      {"Softmax", {&BuildSoftmax, 1, 2, {"axis"}}},
      {"TupleGetItem", {&BuildTupleItem, 2, 2, {}, true}},
      {"UpdateState", {&BuildNothing, 0, kAny, {}, true}},
  };
  return operators;
}

}  // namespace

absl::StatusOr<Operand> BuildNode(const NodeBuilder& node) {
  const auto found = Operators().find(node.node().op);
  if (found == Operators().end()) {
    const auto name = [](std::string* out, const auto& entry) {
      out->append(entry.first);
    };
    return absl::InvalidArgumentError(absl::StrCat(
        "node ", QuotedName(node.node().output), ": the operator ",
        QuotedName(node.node().op), " is not implemented; implemented are ",
        absl::StrJoin(Operators(), ", ", name)));
  }
  const Operator& op = found->second;
  if (!op.any_attributes) {
    LENET_RETURN_IF_ERROR(node.CheckAttributes(op.attributes));
  }
  LENET_RETURN_IF_ERROR(node.CheckInputs(op.min_inputs, op.max_inputs));
  return op.build(node);
}

}  // namespace lenet::graph
