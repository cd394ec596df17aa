// Operators that change the shape or the meaning of a tensor and compute
// nothing.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/engine/graph/operators.h"

namespace lenet::graph {
namespace {

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

// Returns the shape of a tensor or of an argmax; null for other operands.
Shape* ShapeOf(Operand* operand) {
  if (auto* const argmax = std::get_if<Argmax>(&operand->value)) {
    return &argmax->shape;
  }
  auto* const x = std::get_if<Activation>(&operand->value);
  return x == nullptr ? nullptr : &x->shape;
}

}  // namespace

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

}  // namespace lenet::graph
