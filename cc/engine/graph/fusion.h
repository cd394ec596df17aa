#ifndef CC_ENGINE_GRAPH_FUSION_H_
#define CC_ENGINE_GRAPH_FUSION_H_

#include "cc/engine/graph/step.h"

namespace lenet::graph {

// Joins steps that follow each other where nothing else uses what is between
// them. The values between stay in the graph, without use.
//   Conv or Linear, then AddConstant of one element a channel: its bias
//   Conv, Linear, Add or AddConstant, then Relu: its relu
//   Conv 5x5 (plain, no bias, relu), then MaxPool 2x2: ConvReluPool
void FuseSteps(StepGraph* graph);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_FUSION_H_
