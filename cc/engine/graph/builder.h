#ifndef CC_ENGINE_GRAPH_BUILDER_H_
#define CC_ENGINE_GRAPH_BUILDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/engine/graph/arguments.h"
#include "cc/engine/graph/step.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// A value that the network computes; shape[0] is the batch.
struct Activation {
  size_t value = 0;
  std::vector<int64_t> shape;
};

// What a name of a MindIR stands for. monostate: nothing that can be computed
// with (None, monads, states).
struct Operand;
using OperandTuple = std::shared_ptr<const std::vector<Operand>>;
struct Operand {
  std::variant<std::monostate, Activation, ConstantView, OperandTuple> value;
};

// Turns the nodes of a model into steps, one after the other.
class StepBuilder {
 public:
  // `model` must outlive the builder and what it builds.
  explicit StepBuilder(const MindIrModel& model) : model_(model) {}

  absl::StatusOr<StepGraph> Build();

  // For operators.cc: all errors are InvalidArgument about the node.

  const MindIrModel& model() const { return model_; }

  // Operand number `index` of a node.
  const Operand& Input(const MindIrNode& node, size_t index) const;

  // The same as something that is computed, or as weights.
  absl::StatusOr<Activation> ActivationInput(const MindIrNode& node,
                                             size_t index) const;
  absl::StatusOr<ConstantView> ConstantInput(const MindIrNode& node,
                                             size_t index) const;

  // Adds a step; its y becomes a new value of that shape.
  absl::StatusOr<Operand> Add(const MindIrNode& node, Step step,
                              std::vector<int64_t> shape);

 private:
  absl::Status DefineInput();
  absl::Status DefineOutput();
  absl::StatusOr<size_t> NewValue(const std::string& where,
                                  const std::vector<int64_t>& shape);

  const MindIrModel& model_;
  StepGraph graph_;
  std::map<std::string, Operand, std::less<>> operands_;
};

// The steps of a model, as they stand in it; nothing is fused. InvalidArgument
// for what is not implemented and for shapes that do not fit, with node,
// operator and attribute. `model` must outlive the result.
absl::StatusOr<StepGraph> BuildSteps(const MindIrModel& model);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_BUILDER_H_
