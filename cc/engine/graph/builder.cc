#include "cc/engine/graph/builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/engine/graph/operators.h"

namespace lenet::graph {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 26;  // per value and image
constexpr size_t kMaxSteps = 10000;  // planning time grows with the square

// Attributes that do not change the result.
constexpr absl::string_view kIgnored[] = {"input_names", "output_names",
                                          "primitive_target",
                                          "side_effect_propagate", "is_load"};

absl::Status Invalid(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

// Appends the integers of a number or of nested tuples. Returns false for
// other values.
bool Flatten(const MindIrValue& value, std::vector<int64_t>* numbers) {
  if (const auto* number = std::get_if<int64_t>(&value.value)) {
    numbers->push_back(*number);
    return true;
  }
  const auto* const tuple = std::get_if<MindIrValue::Sequence>(&value.value);
  return tuple != nullptr && std::all_of(tuple->begin(), tuple->end(),
                                         [numbers](const MindIrValue& element) {
                                           return Flatten(element, numbers);
                                         });
}

absl::StatusOr<size_t> NewValue(const std::string& where,
                                const std::vector<int64_t>& shape,
                                StepGraph* graph) {
  int64_t size = 1;
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] <= 0 || shape[i] > kMaxElements / size) {
      return Invalid(absl::StrCat(where, ": the shape ", ShapeText(shape),
                                  " is too large; the limit is ", kMaxElements,
                                  " elements per image"));
    }
    size *= shape[i];
  }
  graph->value_sizes.push_back(static_cast<size_t>(size));
  return graph->value_sizes.size() - 1;
}

absl::Status DefineInput(BuilderState* state) {
  const std::vector<TensorInfo>& inputs = state->model.inputs;
  if (inputs.size() != 1) {
    return Invalid(absl::StrCat("expected a network with one input, found ",
                                inputs.size()));
  }
  const std::string where = absl::StrCat("input ", QuotedName(inputs[0].name));
  if (inputs[0].shape.empty()) {
    return Invalid(absl::StrCat(where, ": expected a batch, found a scalar"));
  }
  state->graph.batch = inputs[0].shape[0];
  LENET_ASSIGN_OR_RETURN(state->graph.input,
                         NewValue(where, inputs[0].shape, &state->graph));
  state->operands[inputs[0].name] = {
      Activation{state->graph.input, inputs[0].shape}};
  return absl::OkStatus();
}

void DefineScalar(const std::string& name, float value, BuilderState* state) {
  state->graph.scalars.push_back(value);
  state->operands[name] = {ConstantView{{}, &state->graph.scalars.back()}};
}

void DefineConstants(BuilderState* state) {
  for (const auto& [name, array] : state->model.parameters) {
    state->operands[name] = {ConstantView{array.shape, array.values.data()}};
  }
  for (const auto& [name, constant] : state->model.constants) {
    if (const auto* array = std::get_if<MindIrArray>(&constant.value)) {
      state->operands[name] = {
          ConstantView{array->shape, array->values.data()}};
    } else if (const auto* real = std::get_if<double>(&constant.value)) {
      DefineScalar(name, static_cast<float>(*real), state);
    } else if (const auto* whole = std::get_if<int64_t>(&constant.value)) {
      DefineScalar(name, static_cast<float>(*whole), state);
    }
  }
}

absl::Status DefineOutput(BuilderState* state) {
  const std::vector<TensorInfo>& outputs = state->model.outputs;
  if (outputs.size() != 1) {
    return Invalid(absl::StrCat("expected a network with one output, found ",
                                outputs.size()));
  }
  const std::string where =
      absl::StrCat("output ", QuotedName(outputs[0].name));
  const auto& operand = state->operands[outputs[0].name].value;
  const auto* const argmax = std::get_if<Argmax>(&operand);
  const auto* const output =
      argmax != nullptr ? &argmax->logits : std::get_if<Activation>(&operand);
  if (output == nullptr) {
    return Invalid(absl::StrCat(
        where, ": expected a tensor that the network computes from its input"));
  }
  const auto& shape = argmax != nullptr ? argmax->shape : output->shape;
  if (shape != outputs[0].shape) {
    return Invalid(absl::StrCat(where, ": its shape in the model is ",
                                ShapeText(outputs[0].shape),
                                ", but its operators give ", ShapeText(shape)));
  }
  state->graph.output = output->value;
  state->graph.output_shape = output->shape;
  if (state->graph.output != state->graph.input) return absl::OkStatus();
  MindIrNode node;
  node.output = outputs[0].name;
  Step copy;
  copy.x = state->graph.input;
  LENET_ASSIGN_OR_RETURN(const Operand y,
                         NodeBuilder(node, state).Add(copy, output->shape));
  state->graph.output = std::get<Activation>(y.value).value;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepGraph> BuildSteps(const MindIrModel& model) {
  BuilderState state = {model, {}, {}};
  LENET_RETURN_IF_ERROR(DefineInput(&state));
  DefineConstants(&state);
  for (const MindIrNode& node : model.nodes) {
    LENET_ASSIGN_OR_RETURN(state.operands[node.output],
                           BuildNode(NodeBuilder(node, &state)));
  }
  LENET_RETURN_IF_ERROR(DefineOutput(&state));
  return std::move(state.graph);
}

absl::Status NodeBuilder::Error(absl::string_view message) const {
  return Invalid(absl::StrCat("node ", QuotedName(node_.output), " (", node_.op,
                              "): ", message));
}

absl::Status NodeBuilder::Error(const Argument& argument,
                                absl::string_view found,
                                absl::string_view expected) const {
  return Error(absl::StrCat("attribute ", argument.name, ": expected ",
                            expected, ", found ", found));
}

absl::Status NodeBuilder::CheckAttributes(
    const std::vector<absl::string_view>& known) const {
  for (const auto& [name, value] : node_.attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (std::find(std::begin(kIgnored), std::end(kIgnored), name) !=
        std::end(kIgnored)) {
      continue;
    }
    return Error(
        absl::StrCat("attribute ", QuotedName(name), " = ", ValueText(value),
                     " is not implemented; implemented are ",
                     known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::Status NodeBuilder::CheckInputs(size_t min, size_t max) const {
  const size_t found = node_.inputs.size();
  if (found >= min && found <= max) return absl::OkStatus();
  return Error(absl::StrCat("expected ", min,
                            min == max ? "" : absl::StrCat(" to ", max),
                            " inputs, found ", found));
}

const Operand& NodeBuilder::Input(size_t index) const {
  static const auto& none = *new Operand;
  if (index >= node_.inputs.size()) return none;
  const auto found = state_.operands.find(node_.inputs[index]);
  return found == state_.operands.end() ? none : found->second;
}

absl::StatusOr<Activation> NodeBuilder::ActivationInput(size_t index) const {
  const Operand& operand = Input(index);
  if (const auto* found = std::get_if<Activation>(&operand.value)) {
    return *found;
  }
  return Error(absl::StrCat(
      "input ", index, " (", QuotedName(node_.inputs[index]),
      "): expected a tensor that the network computes, found ",
      std::holds_alternative<ConstantView>(operand.value) ? "a constant"
                                                          : "no tensor"));
}

absl::StatusOr<ConstantView> NodeBuilder::ConstantInput(size_t index) const {
  const Operand& operand = Input(index);
  if (const auto* found = std::get_if<ConstantView>(&operand.value)) {
    return *found;
  }
  return Error(
      absl::StrCat("input ", index, " (", QuotedName(node_.inputs[index]),
                   "): expected weights (a parameter or a constant), found ",
                   std::holds_alternative<Activation>(operand.value)
                       ? "a tensor that the network computes"
                       : "no float32 tensor"));
}

const MindIrValue* NodeBuilder::Find(const Argument& argument) const {
  const auto attribute = node_.attributes.find(argument.name);
  if (attribute != node_.attributes.end()) return &attribute->second;
  if (argument.input == 0 || argument.input >= node_.inputs.size()) {
    return nullptr;
  }
  static const auto& none = *new MindIrValue;
  const MindIrValue* const value = Value(argument.input);
  return value == nullptr ? &none : value;
}

const MindIrValue* NodeBuilder::Value(size_t index) const {
  const auto* computed = std::get_if<MindIrValue>(&Input(index).value);
  if (computed != nullptr) return computed;
  const std::map<std::string, MindIrValue>& constants = state_.model.constants;
  const auto constant = constants.find(node_.inputs[index]);
  return constant == constants.end() ? nullptr : &constant->second;
}

absl::StatusOr<bool> NodeBuilder::Bool(const Argument& argument) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return false;
  if (const bool* found = std::get_if<bool>(&value->value)) return *found;
  return Error(argument, ValueText(*value), "true or false");
}

absl::StatusOr<int64_t> NodeBuilder::Int(const Argument& argument,
                                         int64_t default_value) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return default_value;
  if (const auto* found = std::get_if<int64_t>(&value->value)) return *found;
  return Error(argument, ValueText(*value), "an integer");
}

absl::StatusOr<double> NodeBuilder::Float(const Argument& argument,
                                          double default_value) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return default_value;
  if (const auto* found = std::get_if<double>(&value->value)) return *found;
  if (const auto* found = std::get_if<int64_t>(&value->value)) {
    return static_cast<double>(*found);
  }
  return Error(argument, ValueText(*value), "a number");
}

absl::StatusOr<std::vector<int64_t>> NodeBuilder::Ints(const Argument& argument,
                                                       int64_t min,
                                                       int64_t max) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return Error(argument, "none", "integers");
  std::vector<int64_t> result;
  if (Flatten(*value, &result) &&
      std::all_of(result.begin(), result.end(), [&](int64_t number) {
        return number >= min && number <= max;
      })) {
    return result;
  }
  return Error(argument, ValueText(*value),
               absl::StrCat("integers from ", min, " to ", max));
}

absl::StatusOr<std::vector<int64_t>> NodeBuilder::Axes(const Argument& argument,
                                                       size_t rank) const {
  const auto size = static_cast<int64_t>(rank);
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> axes,
                         Ints(argument, -size, size - 1));
  for (int64_t& axis : axes) axis += axis < 0 ? size : 0;
  std::sort(axes.begin(), axes.end());
  if (!axes.empty() &&
      std::adjacent_find(axes.begin(), axes.end()) == axes.end()) {
    return axes;
  }
  return Error(argument, ShapeText(axes), "different axes");
}

absl::StatusOr<std::vector<int64_t>> NodeBuilder::Pair(const Argument& argument,
                                                       int64_t min,
                                                       int64_t max) const {
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> found, Ints(argument, min, max));
  if (found.size() == 1) return std::vector<int64_t>{found[0], found[0]};
  if (found.size() >= 2 && std::all_of(found.begin(), found.end() - 2,
                                       [](int64_t x) { return x == 1; })) {
    return std::vector<int64_t>(found.end() - 2, found.end());
  }
  return Error(argument, absl::StrCat("(", absl::StrJoin(found, ", "), ")"),
               "(height, width) or (1, 1, height, width)");
}

absl::StatusOr<std::string> NodeBuilder::Choice(
    const Argument& argument, const std::vector<const char*>& choices,
    const char* default_value) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return std::string(default_value);
  if (const auto* index = std::get_if<int64_t>(&value->value)) {
    if (*index >= 0 && *index < static_cast<int64_t>(choices.size())) {
      return std::string(choices[static_cast<size_t>(*index)]);
    }
  }
  if (const auto* text = std::get_if<std::string>(&value->value)) {
    std::string lower = absl::AsciiStrToLower(*text);
    for (const char* choice : choices) {
      if (lower == choice) return lower;
    }
  }
  return Error(argument, ValueText(*value), absl::StrJoin(choices, ", "));
}

absl::StatusOr<std::string> NodeBuilder::PadMode(
    const Argument& argument) const {
  return Choice(argument, {"pad", "same", "valid"}, "valid");
}

absl::Status NodeBuilder::CheckFormat(size_t input) const {
  for (const Argument& argument :
       {Argument{"format", input}, Argument{"data_format"}}) {
    LENET_ASSIGN_OR_RETURN(const std::string format,
                           Choice(argument, {"nchw", "nhwc"}, "nchw"));
    if (format != "nchw") return Error(argument, "'NHWC'", "'NCHW'");
  }
  return absl::OkStatus();
}

absl::Status NodeBuilder::CheckNone(size_t index) const {
  if (index >= node_.inputs.size()) return absl::OkStatus();
  const MindIrValue* const value = Value(index);
  if (value != nullptr &&
      std::holds_alternative<std::monostate>(value->value)) {
    return absl::OkStatus();
  }
  return Error(
      absl::StrCat("input ", index, ": expected none, found ",
                   value == nullptr ? "a computed value" : ValueText(*value)));
}

absl::StatusOr<Operand> NodeBuilder::Add(Step step,
                                         std::vector<int64_t> shape) const {
  StepGraph& graph = state_.graph;
  if (graph.steps.size() == kMaxSteps) {
    return Invalid(absl::StrCat("more than ", kMaxSteps, " operators"));
  }
  LENET_ASSIGN_OR_RETURN(
      step.y, NewValue(absl::StrCat("node ", QuotedName(node_.output), " (",
                                    node_.op, ")"),
                       shape, &graph));
  graph.steps.push_back(std::move(step));
  return Operand{Activation{graph.steps.back().y, std::move(shape)}};
}

}  // namespace lenet::graph
