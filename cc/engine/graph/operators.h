#ifndef CC_ENGINE_GRAPH_OPERATORS_H_
#define CC_ENGINE_GRAPH_OPERATORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/engine/graph/builder.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// Adds the steps of one node, none for bookkeeping, and returns what its output
// stands for. InvalidArgument for an operator, an attribute or shapes that are
// not implemented.
absl::StatusOr<Operand> BuildNode(const MindIrNode& node, StepBuilder* builder);

// Names of all operators that BuildNode knows, sorted.
std::vector<std::string> OperatorNames();

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_OPERATORS_H_
