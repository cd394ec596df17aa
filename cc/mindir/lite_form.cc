#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
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
using Constants = std::map<std::string, MindIrValue>;

constexpr int kString = 8;  // MindIR's AttributeProto.AttributeType
constexpr int kBool = 9;

// Returns the constants of a graph that can be attributes: bool and int64.
Constants ReadConstants(const GraphProto& graph) {
  Constants constants;
  for (const NodeProto& node : graph.node()) {
    if (node.op_type() != "Constant" || node.output_size() != 1 ||
        node.attribute_size() != 1) {
      continue;
    }
    auto value = ReadValue(node.attribute(0), node.output(0));
    if (value.ok()) constants[node.output(0)] = *std::move(value);
  }
  return constants;
}

// Adds the value of input `index` to `primitive` as the attribute `name`.
absl::Status AddAttribute(const char* name, int index, const NodeProto& node,
                          const Constants& constants,
                          PrimitiveProto* primitive) {
  const auto constant = constants.find(node.input(index));
  const MindIrValue value =
      constant == constants.end() ? MindIrValue() : constant->second;
  AttributeProto* const attribute = primitive->add_attribute();
  attribute->set_name(name);
  const auto* const flag = std::get_if<bool>(&value.value);
  const auto* const format = std::get_if<int64_t>(&value.value);
  if (primitive->op_type() == "MatMul" && flag != nullptr) {
    attribute->set_i(*flag ? 1 : 0);
    attribute->set_type(kBool);
    return absl::OkStatus();
  }
  if (primitive->op_type() == "BiasAdd" && format != nullptr &&
      (*format == 0 || *format == 1)) {
    attribute->set_s(*format == 0 ? "NCHW" : "NHWC");
    attribute->set_type(kString);
    return absl::OkStatus();
  }
  return InvalidArgument(
      "expected a constant for ", name, " of ", primitive->op_type(),
      " (true, false, or format 0 or 1), found ", ValueText(value), " from ",
      QuotedName(node.input(index)));
}

// Removes the inputs of `node` that version 1 does not have, and refers it to a
// copy of its primitive with these values as attributes.
absl::Status RewriteNode(const PrimitiveProto& original,
                         const Constants& constants, NodeProto* node,
                         ModelProto* model) {
  const std::vector<const char*> names =
      original.op_type() == "MatMul"
          ? std::vector<const char*>{"transpose_a", "transpose_b"}
          : std::vector<const char*>{"format"};
  const int kept = LiteInputs(original.op_type());
  const int expected = kept + static_cast<int>(names.size());
  if (node->input_size() != expected) {
    return InvalidArgument("expected ", original.op_type(), " with ", kept,
                           " or ", expected, " inputs, found ",
                           node->input_size());
  }
  PrimitiveProto primitive = original;
  for (int i = kept; i < expected; ++i) {
    LENET_RETURN_IF_ERROR(AddAttribute(names[static_cast<size_t>(i - kept)], i,
                                       *node, constants, &primitive));
  }
  primitive.set_name(
      absl::StrCat(original.name(), "_lite", model->primitives_size()));
  node->mutable_input()->DeleteSubrange(kept, expected - kept);
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
    if (op == "SiLU" || op == "Mish") {
      return InvalidArgument(where, ": MindSpore Lite 2.0 computes ", op,
                             " wrongly; give --engine=native");
    }
    LENET_RETURN_IF_ERROR(
        CheckInputs(op, node.input_size(), model->mind_ir_version(), where));
    if (LiteInputs(op) == 0 || node.input_size() <= LiteInputs(op)) continue;
    LENET_RETURN_IF_ERROR(RewriteNode(*primitive, constants, &node, model));
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
