#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/model.h"
#include "cc/mindir/proto.h"

namespace lenet {
namespace {

using mind_ir::AttributeProto;
using mind_ir::GraphProto;
using mind_ir::ModelProto;
using mind_ir::NodeProto;
using mind_ir::PrimitiveProto;
using Constants = std::map<absl::string_view, const AttributeProto*>;

constexpr int kString = 8;  // MindIR's AttributeProto.AttributeType

// An operator of version 1: the number of its inputs, and the attributes that
// later versions store as further inputs.
struct LiteOperator {
  int inputs;
  std::vector<const char*> attributes;
};

const std::map<absl::string_view, LiteOperator>& LiteOperators() {
  static const auto& operators = *new std::map<absl::string_view, LiteOperator>{
      {"AvgPool", {1, {"kernel_size", "strides", "pad_mode", "format"}}},
      {"BatchNorm", {5, {"is_training", "epsilon", "momentum", "format"}}},
      {"BiasAdd", {2, {"format"}}},
      {"Concat", {1, {"axis"}}},
      {"Elu", {1, {"alpha"}}},
      {"LogSoftmax", {1, {"axis"}}},
      {"MatMul", {2, {"transpose_a", "transpose_b"}}},
      {"ReduceMean", {2, {"keep_dims"}}},
      {"Softmax", {1, {"axis"}}},
      {"StridedSlice",
       {4,
        {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask",
         "shrink_axis_mask"}}},
  };
  return operators;
}

Constants ReadConstants(const GraphProto& graph) {
  Constants constants;
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() == "Constant" && node.output_size() == 1 &&
        node.attribute_size() == 1) {
      constants[node.output(0)] = &node.attribute(0);
    }
  }
  return constants;
}

// Adds the value of `input` to `primitive` as the attribute `name`.
absl::Status AddAttribute(absl::string_view name, const std::string& input,
                          const Constants& constants,
                          PrimitiveProto* primitive) {
  const auto found = constants.find(input);
  AttributeProto attribute;
  if (found != constants.end()) attribute = *found->second;
  attribute.set_name(std::string(name));
  const MindIrValue value = ReadValue(attribute, input).value_or(MindIrValue());
  const auto* const number = std::get_if<int64_t>(&value.value);
  bool valid = !std::holds_alternative<std::monostate>(value.value);
  if (name == "format" || name == "pad_mode") {
    const std::vector<const char*> texts =
        name == "format" ? std::vector<const char*>{"NCHW", "NHWC"}
                         : std::vector<const char*>{"PAD", "SAME", "VALID"};
    valid = number != nullptr && *number >= 0 &&
            *number < static_cast<int64_t>(texts.size());
    attribute.clear_i();
    attribute.clear_ints();
    attribute.set_type(kString);
    if (valid) attribute.set_s(texts[static_cast<size_t>(*number)]);
  } else if (absl::StartsWith(name, "transpose_")) {
    valid = std::holds_alternative<bool>(value.value);
  } else if (primitive->op_type() == "AvgPool" &&
             attribute.values_size() == 2) {
    // (height, width) -> (1, 1, height, width)
    for (const int i : {0, 1}) {
      AttributeProto* const copy = attribute.add_values();
      *copy = attribute.values(i);
      attribute.mutable_values(i)->clear_ints();
      attribute.mutable_values(i)->add_ints(1);
    }
  }
  if (!valid) {
    return InvalidArgument("expected a constant for ", name, " of ",
                           primitive->op_type(), ", found ", ValueText(value),
                           " from ", QuotedName(input));
  }
  *primitive->add_attribute() = std::move(attribute);
  return absl::OkStatus();
}

// Removes the inputs of `node` that version 1 does not have, and refers it to a
// copy of its primitive with these values as attributes.
absl::Status RewriteNode(const PrimitiveProto& original, const LiteOperator& op,
                         const Constants& constants, NodeProto* node,
                         ModelProto* model) {
  const int expected = op.inputs + static_cast<int>(op.attributes.size());
  if (node->input_size() != expected) {
    return InvalidArgument("expected ", original.op_type(), " with ", op.inputs,
                           " or ", expected, " inputs, found ",
                           node->input_size());
  }
  PrimitiveProto primitive = original;
  for (int i = op.inputs; i < expected; ++i) {
    LENET_RETURN_IF_ERROR(
        AddAttribute(op.attributes[static_cast<size_t>(i - op.inputs)],
                     node->input(i), constants, &primitive));
  }
  primitive.set_name(
      absl::StrCat(original.name(), "_lite", model->primitives_size()));
  node->mutable_input()->DeleteSubrange(op.inputs, expected - op.inputs);
  node->set_op_type(absl::StrCat("REF::", primitive.name()));
  *model->add_primitives() = std::move(primitive);
  return absl::OkStatus();
}

absl::Status RewriteGraph(GraphProto* graph, ModelProto* model) {
  const Constants constants = ReadConstants(*graph);
  const Primitives primitives = PrimitivesByName(*model);
  for (NodeProto& node : *graph->mutable_node()) {
    const std::string where = absl::StrCat("node ", QuotedName(node.name()));
    LENET_ASSIGN_OR_RETURN(const PrimitiveProto* const primitive,
                           FindPrimitive(primitives, node, where));
    if (primitive == nullptr) continue;
    const std::string& op = primitive->op_type();
    if (op == "Mish" || op == "ReduceMax" || op == "SeLU" || op == "SiLU" ||
        op == "Softsign") {
      return InvalidArgument(where, ": MindSpore Lite 2.0 computes ", op,
                             " wrongly; give --engine=native");
    }
    LENET_RETURN_IF_ERROR(
        CheckInputs(op, node.input_size(), model->mind_ir_version(), where));
    const auto lite = LiteOperators().find(op);
    if (lite == LiteOperators().end() ||
        node.input_size() <= lite->second.inputs) {
      continue;
    }
    LENET_RETURN_IF_ERROR(
        RewriteNode(*primitive, lite->second, constants, &node, model));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LiteModel> ToLiteForm(absl::string_view mindir, int64_t batch) {
  LENET_ASSIGN_OR_RETURN(ModelProto model, ParseMindIr(mindir));
  const bool open_batch = SetBatch(batch, model.mutable_graph());
  LiteModel lite;
  LENET_ASSIGN_OR_RETURN(lite.inputs,
                         ReadTensorInfos(model.graph().input(), "input"));
  LENET_ASSIGN_OR_RETURN(lite.outputs,
                         ReadTensorInfos(model.graph().output(), "output"));
  LENET_RETURN_IF_ERROR(RewriteGraph(model.mutable_graph(), &model));
  for (GraphProto& graph : *model.mutable_functions()) {
    LENET_RETURN_IF_ERROR(RewriteGraph(&graph, &model));
  }
  if (model.mind_ir_version() <= kLiteVersion && !open_batch) {
    lite.mindir = std::string(mindir);
    return lite;
  }
  model.set_mind_ir_version(std::min(model.mind_ir_version(), kLiteVersion));
  lite.mindir = model.SerializeAsString();
  return lite;
}

}  // namespace lenet
