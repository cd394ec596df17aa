#include "cc/engine/graph/builder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/operators.h"

namespace lenet::graph {
namespace {

// Of one value and image: 256 MB. And of steps: planning takes their square.
constexpr int64_t kMaxElements = int64_t{1} << 26;
constexpr size_t kMaxSteps = 10000;

absl::Status Invalid(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

const Operand& StepBuilder::Input(const MindIrNode& node, size_t index) const {
  static const auto& none = *new Operand;
  if (index >= node.inputs.size()) return none;
  const auto found = operands_.find(node.inputs[index]);
  return found == operands_.end() ? none : found->second;
}

absl::StatusOr<Activation> StepBuilder::ActivationInput(const MindIrNode& node,
                                                        size_t index) const {
  const Operand& operand = Input(node, index);
  if (const auto* found = std::get_if<Activation>(&operand.value)) {
    return *found;
  }
  return Arguments(node, model_)
      .Error(
          absl::StrCat("input ", index, " (", QuotedName(node.inputs[index]),
                       "): expected a tensor that the network computes, found ",
                       std::holds_alternative<ConstantView>(operand.value)
                           ? "a constant"
                           : "no single tensor"));
}

absl::StatusOr<ConstantView> StepBuilder::ConstantInput(const MindIrNode& node,
                                                        size_t index) const {
  const Operand& operand = Input(node, index);
  if (const auto* found = std::get_if<ConstantView>(&operand.value)) {
    return *found;
  }
  return Arguments(node, model_)
      .Error(absl::StrCat(
          "input ", index, " (", QuotedName(node.inputs[index]),
          "): expected weights (a parameter or a constant), found ",
          std::holds_alternative<Activation>(operand.value)
              ? "a tensor that the network computes"
              : "no float32 tensor"));
}

absl::StatusOr<size_t> StepBuilder::NewValue(
    const std::string& where, const std::vector<int64_t>& shape) {
  int64_t size = 1;
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] <= 0 || shape[i] > kMaxElements / size) {
      return Invalid(absl::StrCat(where, ": the shape ", ShapeText(shape),
                                  " is too large; at most ", kMaxElements,
                                  " elements an image are accepted"));
    }
    size *= shape[i];
  }
  graph_.value_sizes.push_back(static_cast<size_t>(size));
  return graph_.value_sizes.size() - 1;
}

absl::StatusOr<Operand> StepBuilder::Add(const MindIrNode& node, Step step,
                                         std::vector<int64_t> shape) {
  const std::string where =
      absl::StrCat("node ", QuotedName(node.output), " (", node.op, ")");
  if (graph_.steps.size() == kMaxSteps) {
    return Invalid(absl::StrCat("more than ", kMaxSteps, " operators"));
  }
  LENET_ASSIGN_OR_RETURN(step.y, NewValue(where, shape));
  step.node = node.output;
  graph_.steps.push_back(std::move(step));
  return Operand{Activation{graph_.steps.back().y, std::move(shape)}};
}

absl::Status StepBuilder::DefineInput() {
  if (model_.inputs.size() != 1) {
    return Invalid(absl::StrCat("expected a network of one input, found ",
                                model_.inputs.size()));
  }
  const TensorInfo& input = model_.inputs[0];
  if (input.shape.empty()) {
    return Invalid(absl::StrCat("input ", QuotedName(input.name),
                                ": expected a batch, found a scalar"));
  }
  graph_.batch = input.shape[0];
  LENET_ASSIGN_OR_RETURN(
      graph_.input,
      NewValue(absl::StrCat("input ", QuotedName(input.name)), input.shape));
  operands_[input.name] = Operand{Activation{graph_.input, input.shape}};
  return absl::OkStatus();
}

absl::Status StepBuilder::DefineOutput() {
  if (model_.outputs.size() != 1) {
    return Invalid(absl::StrCat("expected a network of one output, found ",
                                model_.outputs.size()));
  }
  const TensorInfo& declared = model_.outputs[0];
  const auto found = operands_.find(declared.name);
  const auto* const output =
      found == operands_.end() ? nullptr
                               : std::get_if<Activation>(&found->second.value);
  if (output == nullptr) {
    return Invalid(absl::StrCat("output ", QuotedName(declared.name),
                                ": expected a tensor that the network computes "
                                "from its input, found none"));
  }
  if (output->shape != declared.shape) {
    return Invalid(absl::StrCat(
        "output ", QuotedName(declared.name), ": the model says its shape is ",
        ShapeText(declared.shape), ", its operators give ",
        ShapeText(output->shape)));
  }
  graph_.output = output->value;
  return absl::OkStatus();
}

absl::StatusOr<StepGraph> StepBuilder::Build() {
  LENET_RETURN_IF_ERROR(DefineInput());
  for (const auto& [name, array] : model_.parameters) {
    operands_[name] = Operand{ConstantView{array.shape, array.values.data()}};
  }
  for (const auto& [name, constant] : model_.constants) {
    if (const auto* array = std::get_if<MindIrArray>(&constant.value)) {
      operands_[name] =
          Operand{ConstantView{array->shape, array->values.data()}};
    } else if (const auto* number = std::get_if<double>(&constant.value)) {
      graph_.scalars.push_back(static_cast<float>(*number));
      operands_[name] = Operand{ConstantView{{}, &graph_.scalars.back()}};
    }
  }
  for (const MindIrNode& node : model_.nodes) {
    LENET_ASSIGN_OR_RETURN(operands_[node.output], BuildNode(node, this));
  }
  LENET_RETURN_IF_ERROR(DefineOutput());
  if (graph_.output == graph_.input) {
    MindIrNode node;
    node.output = model_.outputs[0].name;
    Step copy;
    copy.kind = StepKind::kCopy;
    copy.x = graph_.input;
    LENET_ASSIGN_OR_RETURN(const Operand y,
                           Add(node, copy, model_.outputs[0].shape));
    graph_.output = std::get<Activation>(y.value).value;
  }
  return std::move(graph_);
}

absl::StatusOr<StepGraph> BuildSteps(const MindIrModel& model) {
  return StepBuilder(model).Build();
}

}  // namespace lenet::graph
