#ifndef CC_ENGINE_GRAPH_IMAGE_OPERATORS_H_
#define CC_ENGINE_GRAPH_IMAGE_OPERATORS_H_

#include "absl/status/statusor.h"
#include "cc/engine/graph/builder.h"
#include "cc/mindir/model.h"

// Operators with a window, on images [N, C, H, W]. See BuildNode.

namespace lenet::graph {

absl::StatusOr<Operand> BuildConv(const MindIrNode& node, StepBuilder* builder);
absl::StatusOr<Operand> BuildMaxPool(const MindIrNode& node,
                                     StepBuilder* builder);
absl::StatusOr<Operand> BuildAveragePool(const MindIrNode& node,
                                         StepBuilder* builder);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_IMAGE_OPERATORS_H_
