#include "cc/engine/graph/dense_operators.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/arguments.h"

namespace lenet::graph {
namespace {

using Shape = std::vector<int64_t>;

std::string ShapeText(const Shape& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

// Product of the dimensions from `begin` to `end`.
size_t Product(const Shape& shape, size_t begin, size_t end) {
  size_t product = 1;
  for (size_t i = begin; i < end; ++i) product *= static_cast<size_t>(shape[i]);
  return product;
}

// y[..., out] = x[..., in] * weights, plus `bias` unless null.
absl::StatusOr<Operand> AddLinear(const MindIrNode& node, const Activation& x,
                                  const ConstantView& weights, bool out_first,
                                  const ConstantView* bias,
                                  StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  if (x.shape.size() < 2 || weights.shape.size() != 2 ||
      weights.shape[out_first ? 1 : 0] != x.shape.back()) {
    return arguments.Error(absl::StrCat(
        "tensors ", ShapeText(x.shape), " and ", ShapeText(weights.shape),
        " do not fit; expected [N, ..., in] and weights ",
        out_first ? "[out, in]" : "[in, out]"));
  }
  const int64_t out = weights.shape[out_first ? 0 : 1];
  Step step;
  step.kind = StepKind::kLinear;
  step.x = x.value;
  step.weights = weights;
  step.out_first = out_first;
  step.outer = Product(x.shape, 1, x.shape.size() - 1);
  step.axis = static_cast<size_t>(x.shape.back());
  step.out_channels = static_cast<int>(out);
  if (bias != nullptr) {
    if (bias->shape != Shape{out}) {
      return arguments.Error(absl::StrCat("expected a bias ", ShapeText({out}),
                                          ", found ", ShapeText(bias->shape)));
    }
    step.constant.assign(bias->data, bias->data + out);
  }
  Shape shape = x.shape;
  shape.back() = out;
  return builder->Add(node, std::move(step), std::move(shape));
}

// What is added to x, in the form that kAddConstant has. `constant` is
// broadcast to x.
void Broadcast(const Activation& x, const ConstantView& constant, Step* step) {
  const size_t rank = x.shape.size();
  Shape shape = constant.shape;  // of the rank of x, as broadcasting has it
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
  // A 1 between others: an element for each of one image.
  const size_t count = Product(x.shape, 1, rank);
  step->constant.resize(count);
  step->inner = 1;
  for (size_t i = 0; i < count; ++i) {
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

absl::StatusOr<Operand> AddConstant(const MindIrNode& node, const Activation& x,
                                    const ConstantView& constant,
                                    StepBuilder* builder) {
  const size_t rank = x.shape.size();
  const size_t missing = rank - std::min(rank, constant.shape.size());
  bool fits = constant.shape.size() <= rank;
  for (size_t i = missing; fits && i < rank; ++i) {
    const int64_t size = constant.shape[i - missing];
    fits = size == 1 || (i > 0 && size == x.shape[i]);
  }
  if (!fits) {
    return Arguments(node, builder->model())
        .Error(absl::StrCat("a constant ", ShapeText(constant.shape),
                            " is added to ", ShapeText(x.shape),
                            "; expected one that is broadcast to that ",
                            "shape, and is the same for all images"));
  }
  Step step;
  step.kind = StepKind::kAddConstant;
  step.x = x.value;
  Broadcast(x, constant, &step);
  return builder->Add(node, std::move(step), x.shape);
}

absl::StatusOr<Shape> ReshapeTarget(const Arguments& arguments, size_t count) {
  const Argument kShape = {"shape", 1};
  LENET_ASSIGN_OR_RETURN(
      Shape shape,
      arguments.Ints(kShape, -1, std::numeric_limits<int32_t>::max()));
  size_t product = 1;
  size_t unknown = shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1 && unknown == shape.size()) {
      unknown = i;
    } else if (shape[i] <= 0 ||
               static_cast<size_t>(shape[i]) > count / product) {
      product = 0;
      break;
    } else {
      product *= static_cast<size_t>(shape[i]);
    }
  }
  if (product != 0 && unknown < shape.size() && count % product == 0) {
    shape[unknown] = static_cast<int64_t>(count / product);
    product = count;
  }
  if (product == count) return shape;
  return arguments.Error(kShape, ShapeText(shape),
                         absl::StrCat("a shape of ", count, " elements"));
}

}  // namespace

absl::StatusOr<Operand> BuildMatMul(const MindIrNode& node,
                                    StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown(
      {"transpose_a", "transpose_b", "transpose_x1", "transpose_x2"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 4));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights,
                         builder->ConstantInput(node, 1));
  const Argument kTransposeA = {"transpose_a", 2};
  LENET_ASSIGN_OR_RETURN(const bool transpose_a,
                         arguments.Bool(kTransposeA, false));
  if (transpose_a) return arguments.Error(kTransposeA, "true", "false");
  LENET_ASSIGN_OR_RETURN(const bool transpose_b,
                         arguments.Bool({"transpose_b", 3}, false));
  if (x.shape.size() != 2) {
    return arguments.Error(
        absl::StrCat("input 0: expected [N, in], found ", ShapeText(x.shape)));
  }
  return AddLinear(node, x, weights, transpose_b, nullptr, builder);
}

absl::StatusOr<Operand> BuildDense(const MindIrNode& node,
                                   StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 3));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_ASSIGN_OR_RETURN(const ConstantView weights,
                         builder->ConstantInput(node, 1));
  if (std::holds_alternative<std::monostate>(builder->Input(node, 2).value)) {
    return AddLinear(node, x, weights, true, nullptr, builder);
  }
  LENET_ASSIGN_OR_RETURN(const ConstantView bias,
                         builder->ConstantInput(node, 2));
  return AddLinear(node, x, weights, true, &bias, builder);
}

absl::StatusOr<Operand> BuildBiasAdd(const MindIrNode& node,
                                     StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({"format", "data_format"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 3));
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"format", 2}));
  LENET_RETURN_IF_ERROR(arguments.CheckFormat({"data_format"}));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_ASSIGN_OR_RETURN(const ConstantView bias,
                         builder->ConstantInput(node, 1));
  if (x.shape.size() < 2 || bias.shape != Shape{x.shape[1]}) {
    return arguments.Error(absl::StrCat("a bias ", ShapeText(bias.shape),
                                        " does not fit to ", ShapeText(x.shape),
                                        "; expected [N, C, ...] and [C]"));
  }
  Step step;
  step.kind = StepKind::kAddConstant;
  step.x = x.value;
  step.constant.assign(bias.data, bias.data + bias.size());
  step.inner = Product(x.shape, 2, x.shape.size());
  return builder->Add(node, std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildAdd(const MindIrNode& node, StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 2));
  const auto is_constant = [&](size_t index) {
    return std::holds_alternative<ConstantView>(
        builder->Input(node, index).value);
  };
  const size_t x_index = is_constant(0) ? 1 : 0;
  LENET_ASSIGN_OR_RETURN(const Activation x,
                         builder->ActivationInput(node, x_index));
  if (is_constant(1 - x_index)) {
    LENET_ASSIGN_OR_RETURN(const ConstantView constant,
                           builder->ConstantInput(node, 1 - x_index));
    return AddConstant(node, x, constant, builder);
  }
  LENET_ASSIGN_OR_RETURN(const Activation other,
                         builder->ActivationInput(node, 1));
  if (x.shape != other.shape) {
    return arguments.Error(absl::StrCat(
        "expected two tensors of the same shape, or one and a constant; found ",
        ShapeText(x.shape), " and ", ShapeText(other.shape)));
  }
  Step step;
  step.kind = StepKind::kAdd;
  step.x = x.value;
  step.other = other.value;
  return builder->Add(node, std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildRelu(const MindIrNode& node,
                                  StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, 1));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  Step step;
  step.kind = StepKind::kRelu;
  step.x = x.value;
  return builder->Add(node, std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildSoftmax(const MindIrNode& node,
                                     StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({"axis"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, 2));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  const Argument kAxis = {"axis", 1};
  const auto rank = static_cast<int64_t>(x.shape.size());
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> axes,
                         arguments.Ints(kAxis, -rank, rank - 1));
  for (int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  if (axes.size() != 1 || axes[0] == 0) {
    return arguments.Error(kAxis, ShapeText(axes),
                           "one axis that is not that of the batch");
  }
  const auto axis = static_cast<size_t>(axes[0]);
  Step step;
  step.kind = StepKind::kSoftmax;
  step.x = x.value;
  step.outer = Product(x.shape, 1, axis);
  step.axis = static_cast<size_t>(x.shape[axis]);
  step.inner = Product(x.shape, axis + 1, x.shape.size());
  return builder->Add(node, std::move(step), x.shape);
}

absl::StatusOr<Operand> BuildFlatten(const MindIrNode& node,
                                     StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({"axis"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, 1));
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_ASSIGN_OR_RETURN(const int64_t axis, arguments.Int({"axis"}, 1));
  if (axis != 1) return arguments.Error({"axis"}, absl::StrCat(axis), "1");
  const auto size = static_cast<int64_t>(Product(x.shape, 1, x.shape.size()));
  return Operand{Activation{x.value, {x.shape[0], size}}};
}

absl::StatusOr<Operand> BuildReshape(const MindIrNode& node,
                                     StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckKnown({"shape"}));
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, 2));
  if (const auto* const constant =
          std::get_if<ConstantView>(&builder->Input(node, 0).value)) {
    LENET_ASSIGN_OR_RETURN(Shape shape,
                           ReshapeTarget(arguments, constant->size()));
    return Operand{ConstantView{std::move(shape), constant->data}};
  }
  LENET_ASSIGN_OR_RETURN(const Activation x, builder->ActivationInput(node, 0));
  LENET_ASSIGN_OR_RETURN(
      Shape shape,
      ReshapeTarget(arguments, Product(x.shape, 0, x.shape.size())));
  if (shape.empty() || shape[0] != x.shape[0]) {
    return arguments.Error({"shape"}, ShapeText(shape),
                           absl::StrCat("the images of the batch along the ",
                                        "first axis, which has ", x.shape[0]));
  }
  return Operand{Activation{x.value, std::move(shape)}};
}

}  // namespace lenet::graph
