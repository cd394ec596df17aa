#ifndef CC_ENGINE_GRAPH_OPERATORS_H_
#define CC_ENGINE_GRAPH_OPERATORS_H_

#include "absl/status/statusor.h"
#include "cc/engine/graph/builder.h"

namespace lenet::graph {

// Adds the steps of one node (none for bookkeeping operators) and returns the
// meaning of its output. Returns InvalidArgument if operator, attributes or
// shapes are not supported.
absl::StatusOr<Operand> BuildNode(const NodeBuilder& node);

// Returns a tuple whose other elements are not used.
Operand FirstOfTuple(Operand first);

// In image_operators.cc.
absl::StatusOr<Operand> BuildConv(const NodeBuilder& node);
absl::StatusOr<Operand> BuildPad(const NodeBuilder& node);
absl::StatusOr<Operand> BuildPool(const NodeBuilder& node);
absl::StatusOr<Operand> BuildReduce(const NodeBuilder& node);
absl::StatusOr<Operand> BuildAdaptivePool(const NodeBuilder& node);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_OPERATORS_H_
