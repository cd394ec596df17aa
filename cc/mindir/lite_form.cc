#include "cc/mindir/lite_form.h"

#include <climits>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "cc/base/status_macros.h"
#include "cc/mindir/mind_ir.pb.h"

namespace lenet {
namespace {

using mind_ir::AttributeProto;
using mind_ir::GraphProto;
using mind_ir::ModelProto;
using mind_ir::NodeProto;
using mind_ir::PrimitiveProto;

constexpr int64_t kLiteVersion = 1;
constexpr int64_t kNewestVersion = 3;
constexpr absl::string_view kReference = "REF::";

// AttributeProto.AttributeType and TensorProto.DataType of MindIR.
constexpr int kAttributeInt64 = 7;
constexpr int kAttributeString = 8;
constexpr int kAttributeBool = 9;
constexpr int kTensorFloat = 1;

// An input of an operator that version 1 has as an attribute.
struct ExtraInput {
  const char* attribute;
  int type;  // of the constant: kAttributeBool, or kAttributeInt64 for a format
};

struct OperatorRule {
  const char* op_type;
  int inputs;  // that stay
  std::vector<ExtraInput> extra;
};

const std::vector<OperatorRule>& Rules() {
  static const auto& rules = *new std::vector<OperatorRule>{
      {"MatMul",
       2,
       {{"transpose_a", kAttributeBool}, {"transpose_b", kAttributeBool}}},
      {"BiasAdd", 2, {{"format", kAttributeInt64}}},
  };
  return rules;
}

const OperatorRule* FindRule(absl::string_view op_type) {
  for (const OperatorRule& rule : Rules()) {
    if (rule.op_type == op_type) return &rule;
  }
  return nullptr;
}

std::vector<const GraphProto*> GraphsOf(const ModelProto& model) {
  std::vector<const GraphProto*> graphs = {&model.graph()};
  for (const GraphProto& graph : model.functions()) graphs.push_back(&graph);
  return graphs;
}

// Name of the primitive of a node, or nothing for a constant and the like.
absl::string_view PrimitiveName(const NodeProto& node) {
  absl::string_view name = node.op_type();
  return absl::ConsumePrefix(&name, kReference) ? name : absl::string_view();
}

// A file cut between two fields still parses, but lacks what came last: its
// operators, or its version.
absl::Status CheckComplete(const ModelProto& model) {
  std::map<absl::string_view, const OperatorRule*> rules;
  for (const PrimitiveProto& primitive : model.primitives()) {
    rules[primitive.name()] = FindRule(primitive.op_type());
  }
  for (const GraphProto* graph : GraphsOf(model)) {
    for (const NodeProto& node : graph->node()) {
      const absl::string_view name = PrimitiveName(node);
      if (name.empty()) continue;
      const auto found = rules.find(name);
      if (found == rules.end()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "truncated MindIR: expected a description of operator ", name,
            ", found none"));
      }
      const OperatorRule* rule = found->second;
      if (model.mind_ir_version() <= kLiteVersion && rule != nullptr &&
          node.input_size() > rule->inputs) {
        return absl::InvalidArgumentError(absl::StrCat(
            "truncated MindIR: expected ", rule->op_type, " with ",
            rule->inputs, " inputs in version ", model.mind_ir_version(),
            ", found ", node.input_size()));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelProto> Parse(absl::string_view mindir) {
  ModelProto model;
  if (mindir.size() > INT_MAX ||
      !model.ParseFromArray(mindir.data(), static_cast<int>(mindir.size())) ||
      model.ir_version().empty() || model.graph().node().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a MindIR (protobuf with a graph), found ",
                     mindir.size(), " bytes that are none, or a part of one"));
  }
  if (model.mind_ir_version() < 0 || model.mind_ir_version() > kNewestVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a MindIR of version 1 to ", kNewestVersion,
                     ", found version ", model.mind_ir_version(),
                     "; export the model with MindSpore 2.10 or older"));
  }
  LENET_RETURN_IF_ERROR(CheckComplete(model));
  return model;
}

std::vector<MindIrTensor> Describe(
    const google::protobuf::RepeatedPtrField<mind_ir::ValueInfoProto>& values) {
  std::vector<MindIrTensor> result;
  for (const mind_ir::ValueInfoProto& value : values) {
    MindIrTensor& described = result.emplace_back();
    described.name = value.name();
    if (value.tensor_size() != 1) continue;
    const mind_ir::TensorProto& tensor = value.tensor(0);
    described.shape.assign(tensor.dims().begin(), tensor.dims().end());
    described.is_float32 = tensor.data_type() == kTensorFloat;
  }
  return result;
}

// Rewrites the nodes of one graph; shared primitives are collected over all.
class LiteFormWriter {
 public:
  explicit LiteFormWriter(ModelProto* model) : model_(model) {
    for (int i = 0; i < model->primitives_size(); ++i) {
      primitives_[model->primitives(i).name()] = i;
    }
  }

  absl::Status Rewrite(GraphProto* graph) {
    std::map<std::string, AttributeProto> constants;
    for (const NodeProto& node : graph->node()) {
      if (node.op_type() == "Constant" && node.attribute_size() == 1 &&
          node.output_size() == 1) {
        constants[node.output(0)] = node.attribute(0);
      }
    }
    std::set<std::string> dropped;
    for (NodeProto& node : *graph->mutable_node()) {
      const auto found = primitives_.find(std::string(PrimitiveName(node)));
      if (found == primitives_.end()) continue;
      const OperatorRule* rule =
          FindRule(model_->primitives(found->second).op_type());
      if (rule == nullptr || node.input_size() <= rule->inputs) continue;
      LENET_RETURN_IF_ERROR(
          RewriteNode(*rule, found->second, constants, &node, &dropped));
    }
    RemoveUnused(dropped, graph);
    return absl::OkStatus();
  }

 private:
  absl::Status RewriteNode(
      const OperatorRule& rule, int primitive,
      const std::map<std::string, AttributeProto>& constants, NodeProto* node,
      std::set<std::string>* dropped) {
    const int expected = rule.inputs + static_cast<int>(rule.extra.size());
    if (node->input_size() != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected ", rule.op_type, " with ", rule.inputs, " or ",
                       expected, " inputs, found ", node->input_size()));
    }
    std::vector<AttributeProto> attributes;
    for (size_t i = 0; i < rule.extra.size(); ++i) {
      const std::string& input = node->input(rule.inputs + static_cast<int>(i));
      const auto constant = constants.find(input);
      if (constant == constants.end() ||
          constant->second.type() != rule.extra[i].type) {
        return absl::InvalidArgumentError(
            absl::StrCat("expected a constant for ", rule.extra[i].attribute,
                         " of ", rule.op_type, ", found ", input));
      }
      LENET_ASSIGN_OR_RETURN(AttributeProto attribute,
                             ToAttribute(rule.extra[i], constant->second.i()));
      attributes.push_back(std::move(attribute));
      dropped->insert(input);
    }
    node->mutable_input()->DeleteSubrange(rule.inputs, expected - rule.inputs);
    node->set_op_type(
        absl::StrCat(kReference, PrimitiveWith(primitive, attributes)));
    return absl::OkStatus();
  }

  static absl::StatusOr<AttributeProto> ToAttribute(const ExtraInput& extra,
                                                    int64_t value) {
    AttributeProto attribute;
    attribute.set_name(extra.attribute);
    if (extra.type == kAttributeBool) {
      attribute.set_i(value);
      attribute.set_type(kAttributeBool);
      return attribute;
    }
    if (value != 0 && value != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected format 0 (NCHW) or 1 (NHWC), found ", value));
    }
    attribute.set_s(value == 0 ? "NCHW" : "NHWC");
    attribute.set_type(kAttributeString);
    return attribute;
  }

  // Name of the primitive at `index` with `attributes` added. Nodes with other
  // values for them may share it, so each set of values gets a copy of its own;
  // the first takes the original.
  std::string PrimitiveWith(int index,
                            const std::vector<AttributeProto>& attributes) {
    std::string key;
    for (const AttributeProto& attribute : attributes) {
      absl::StrAppend(&key, attribute.i(), attribute.s(), ",");
    }
    std::map<std::string, std::string>& variants = variants_[index];
    const auto found = variants.find(key);
    if (found != variants.end()) return found->second;

    PrimitiveProto* primitive = model_->mutable_primitives(index);
    if (variants.empty()) {
      originals_[index] = *primitive;
    } else {
      primitive = model_->add_primitives();
      *primitive = originals_[index];
      primitive->set_name(
          absl::StrCat(primitive->name(), "_", variants.size()));
    }
    for (const AttributeProto& attribute : attributes) {
      *primitive->add_attribute() = attribute;
    }
    variants[key] = primitive->name();
    return primitive->name();
  }

  // Removes the constants of `dropped` that nothing reads any more.
  static void RemoveUnused(std::set<std::string> dropped, GraphProto* graph) {
    for (const NodeProto& node : graph->node()) {
      for (const std::string& input : node.input()) dropped.erase(input);
    }
    for (const mind_ir::ValueInfoProto& output : graph->output()) {
      dropped.erase(output.name());
    }
    google::protobuf::RepeatedPtrField<NodeProto> kept;
    for (NodeProto& node : *graph->mutable_node()) {
      if (node.output_size() == 1 && dropped.count(node.output(0)) > 0)
        continue;
      *kept.Add() = std::move(node);
    }
    graph->mutable_node()->Swap(&kept);
  }

  ModelProto* const model_;
  std::map<std::string, int> primitives_;  // index in the model, by name
  std::map<int, PrimitiveProto> originals_;
  // By index of the original: name of the copy by the values of its attributes.
  std::map<int, std::map<std::string, std::string>> variants_;
};

}  // namespace

absl::StatusOr<MindIrSignature> ReadSignature(absl::string_view mindir) {
  LENET_ASSIGN_OR_RETURN(const ModelProto model, Parse(mindir));
  return MindIrSignature{Describe(model.graph().input()),
                         Describe(model.graph().output())};
}

absl::StatusOr<std::string> ToLiteForm(absl::string_view mindir) {
  LENET_ASSIGN_OR_RETURN(ModelProto model, Parse(mindir));
  if (model.mind_ir_version() <= kLiteVersion) return std::string(mindir);
  LiteFormWriter writer(&model);
  LENET_RETURN_IF_ERROR(writer.Rewrite(model.mutable_graph()));
  for (GraphProto& graph : *model.mutable_functions()) {
    LENET_RETURN_IF_ERROR(writer.Rewrite(&graph));
  }
  model.set_mind_ir_version(kLiteVersion);
  return model.SerializeAsString();
}

}  // namespace lenet
