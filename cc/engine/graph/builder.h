#ifndef CC_ENGINE_GRAPH_BUILDER_H_
#define CC_ENGINE_GRAPH_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/engine/graph/step.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// Returns the steps of a model, without fusion. If the model ends with an
// argmax, its input becomes the output: the logits, which give the same class.
// Returns InvalidArgument, with node, operator and attribute, for unsupported
// operators and attributes and for inconsistent shapes. `model` must outlive
// the result.
absl::StatusOr<StepGraph> BuildSteps(const MindIrModel& model);

// A value that the network computes. shape[0] is the batch.
struct Activation {
  size_t value = 0;
  std::vector<int64_t> shape;
};

// The class index of each image, shape [N] or [N, 1].
struct Argmax {
  Activation logits;  // [N, classes]
  std::vector<int64_t> shape;
};

// The meaning of a name in a MindIR. monostate stands for None, monads and
// states, which no operator can compute with. A MindIrValue is an integer or a
// tuple of integers that was computed from the shape of a tensor.
struct Operand;
using OperandTuple = std::shared_ptr<const std::vector<Operand>>;
struct Operand {
  std::variant<std::monostate, Activation, ConstantView, OperandTuple,
               MindIrValue, Argmax>
      value;
};

struct BuilderState {
  const MindIrModel& model;
  std::map<std::string, Operand, std::less<>> operands;
  StepGraph graph;
};

// A parameter of an operator: an attribute or, since MindSpore 2 for many
// operators, a constant input.
struct Argument {
  const char* name;
  size_t input = 0;  // index of the input; 0: always an attribute
};

// One node while its steps are built. Reads inputs and arguments, and adds
// steps. All errors are InvalidArgument and name node, operator, argument,
// expected and found value.
class NodeBuilder {
 public:
  NodeBuilder(const MindIrNode& node, BuilderState* state)
      : node_(node), state_(*state) {}

  const MindIrNode& node() const { return node_; }
  const MindIrModel& model() const { return state_.model; }

  absl::Status Error(absl::string_view message) const;
  absl::Status Error(const Argument& argument, absl::string_view found,
                     absl::string_view expected) const;

  // Returns an error for an attribute that is not in `known`, unless it cannot
  // change the result.
  absl::Status CheckAttributes(
      const std::vector<absl::string_view>& known) const;
  absl::Status CheckInputs(size_t min, size_t max) const;

  // Returns input number `index`.
  const Operand& Input(size_t index) const;
  absl::StatusOr<Activation> ActivationInput(size_t index) const;
  absl::StatusOr<ConstantView> ConstantInput(size_t index) const;

  // Returns null if the argument is not given, and an empty value if it is not
  // a constant.
  const MindIrValue* Find(const Argument& argument) const;
  // Returns the value of input number `index`, which may be computed from a
  // shape, or null if it is not known while the network is built.
  const MindIrValue* Value(size_t index) const;

  absl::StatusOr<bool> Bool(const Argument& argument) const;  // default: false
  absl::StatusOr<int64_t> Int(const Argument& argument,
                              int64_t default_value) const;
  // Reads a floating-point number; an integer counts as one.
  absl::StatusOr<double> Float(const Argument& argument,
                               double default_value) const;
  // Reads a number, or a tuple of numbers and such tuples, as one sequence of
  // numbers between `min` and `max`.
  absl::StatusOr<std::vector<int64_t>> Ints(const Argument& argument,
                                            int64_t min, int64_t max) const;
  // Reads different axes of a tensor, as ascending indices.
  absl::StatusOr<std::vector<int64_t>> Axes(const Argument& argument,
                                            size_t rank) const;
  // Reads (height, width), which may be given as one number for both or after
  // ones, such as (1, 1, height, width).
  absl::StatusOr<std::vector<int64_t>> Pair(const Argument& argument,
                                            int64_t min, int64_t max) const;
  // Reads one of `choices`: a text in any case, or its index.
  absl::StatusOr<std::string> Choice(const Argument& argument,
                                     const std::vector<const char*>& choices,
                                     const char* default_value) const;
  // Reads pad_mode as "pad", "same" or "valid" (the default).
  absl::StatusOr<std::string> PadMode(const Argument& argument) const;
  // Returns an error unless format and data_format are NCHW or not given.
  // `input` is the index of the input that may contain the format.
  absl::Status CheckFormat(size_t input) const;

  // Returns an error unless input number `index` is None or not given.
  absl::Status CheckNone(size_t index) const;

  // Adds `step`, whose y becomes a new value of that shape.
  absl::StatusOr<Operand> Add(Step step, std::vector<int64_t> shape) const;

 private:
  const MindIrNode& node_;
  BuilderState& state_;
};

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_BUILDER_H_
