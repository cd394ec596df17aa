#ifndef CC_ENGINE_GRAPH_OPERATORS_H_
#define CC_ENGINE_GRAPH_OPERATORS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/base/shape.h"
#include "cc/engine/graph/builder.h"

namespace lenet::graph {

using Shape = std::vector<int64_t>;

// Returns the product of the dimensions from `begin` to `end`.
inline size_t Product(const Shape& shape, size_t begin, size_t end) {
  return ElementCount(absl::MakeConstSpan(shape).subspan(begin, end - begin));
}

inline Step MakeStep(StepKind kind, const Activation& x) {
  Step step;
  step.kind = kind;
  step.x = x.value;
  return step;
}

// Adds the steps of one node (none for bookkeeping operators) and returns the
// meaning of its output. Returns InvalidArgument if operator, attributes or
// shapes are not supported.
absl::StatusOr<Operand> BuildNode(const NodeBuilder& node);

// Returns a tuple whose other elements are not used.
Operand FirstOfTuple(Operand first);

// Reads the attribute axis, or input 1: one axis other than the batch axis.
absl::StatusOr<size_t> InnerAxis(const NodeBuilder& node, size_t rank);

// Reads input number `index`: one weight per channel of x.
absl::StatusOr<ConstantView> ChannelInput(const NodeBuilder& node,
                                          const Activation& x, size_t index);

// In elementwise_operators.cc.
bool IsFunction(absl::string_view op);
bool IsArithmetic(absl::string_view op);
absl::StatusOr<Operand> BuildFunction(const NodeBuilder& node);
absl::StatusOr<Operand> BuildArithmetic(const NodeBuilder& node);

// In shape_operators.cc. Load, Depend and Return are their first input: they
// order side effects, which these networks do not have.
absl::StatusOr<Operand> BuildArgmax(const NodeBuilder& node);
absl::StatusOr<Operand> BuildCast(const NodeBuilder& node);
absl::StatusOr<Operand> BuildExpandDims(const NodeBuilder& node);
absl::StatusOr<Operand> BuildFirstInput(const NodeBuilder& node);
absl::StatusOr<Operand> BuildFlatten(const NodeBuilder& node);
absl::StatusOr<Operand> BuildNothing(const NodeBuilder& node);
absl::StatusOr<Operand> BuildReshape(const NodeBuilder& node);
absl::StatusOr<Operand> BuildShape(const NodeBuilder& node);
absl::StatusOr<Operand> BuildSqueeze(const NodeBuilder& node);
absl::StatusOr<Operand> BuildTuple(const NodeBuilder& node);
absl::StatusOr<Operand> BuildTupleItem(const NodeBuilder& node);

// In image_operators.cc.
absl::StatusOr<Operand> BuildConv(const NodeBuilder& node);
absl::StatusOr<Operand> BuildPool(const NodeBuilder& node);
absl::StatusOr<Operand> BuildReduce(const NodeBuilder& node);
absl::StatusOr<Operand> BuildAdaptivePool(const NodeBuilder& node);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_OPERATORS_H_
