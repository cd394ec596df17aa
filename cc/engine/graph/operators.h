#ifndef CC_ENGINE_GRAPH_OPERATORS_H_
#define CC_ENGINE_GRAPH_OPERATORS_H_

#include "absl/status/statusor.h"
#include "cc/engine/graph/builder.h"

namespace lenet::graph {

// Adds the steps of one node (none for bookkeeping operators) and returns the
// meaning of its output. Returns InvalidArgument if operator, attributes or
// shapes are not supported.
absl::StatusOr<Operand> BuildNode(const NodeBuilder& node);

// In image_operators.cc.
absl::StatusOr<Operand> BuildConv(const NodeBuilder& node);
absl::StatusOr<Operand> BuildMaxPool(const NodeBuilder& node);
absl::StatusOr<Operand> BuildAveragePool(const NodeBuilder& node);
absl::StatusOr<Operand> BuildMean(const NodeBuilder& node);
absl::StatusOr<Operand> BuildAdaptivePool(const NodeBuilder& node);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_OPERATORS_H_
