#ifndef CC_ENGINE_GRAPH_DENSE_OPERATORS_H_
#define CC_ENGINE_GRAPH_DENSE_OPERATORS_H_

#include "absl/status/statusor.h"
#include "cc/engine/graph/builder.h"
#include "cc/mindir/model.h"

// Operators on tensors [N, ...] of any shape. See BuildNode.

namespace lenet::graph {

absl::StatusOr<Operand> BuildMatMul(const MindIrNode& node,
                                    StepBuilder* builder);
absl::StatusOr<Operand> BuildDense(const MindIrNode& node,
                                   StepBuilder* builder);
absl::StatusOr<Operand> BuildBiasAdd(const MindIrNode& node,
                                     StepBuilder* builder);
absl::StatusOr<Operand> BuildAdd(const MindIrNode& node, StepBuilder* builder);
absl::StatusOr<Operand> BuildRelu(const MindIrNode& node, StepBuilder* builder);
absl::StatusOr<Operand> BuildSoftmax(const MindIrNode& node,
                                     StepBuilder* builder);
absl::StatusOr<Operand> BuildFlatten(const MindIrNode& node,
                                     StepBuilder* builder);
absl::StatusOr<Operand> BuildReshape(const MindIrNode& node,
                                     StepBuilder* builder);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_DENSE_OPERATORS_H_
