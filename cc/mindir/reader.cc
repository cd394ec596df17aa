#include "cc/mindir/reader.h"

#include <climits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cc/base/status_macros.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/node_order.h"
#include "cc/mindir/values.h"

namespace lenet {
namespace {

using mind_ir::AttributeProto;
using mind_ir::GraphProto;
using mind_ir::ModelProto;
using mind_ir::NodeProto;
using mind_ir::PrimitiveProto;
using mind_ir::TensorProto;
using mind_ir::ValueInfoProto;

constexpr int64_t kNewestVersion = 3;
constexpr int64_t kLiteVersion = 1;
constexpr absl::string_view kReference = "REF::";
constexpr absl::string_view kConstant = "Constant";

absl::Status Invalid(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

absl::StatusOr<ModelProto> Parse(absl::string_view mindir) {
  ModelProto model;
  if (mindir.size() > INT_MAX ||
      !model.ParseFromArray(mindir.data(), static_cast<int>(mindir.size())) ||
      model.ir_version().empty() || model.graph().node().empty()) {
    return Invalid(
        absl::StrCat("expected a MindIR (protobuf with a graph), found ",
                     mindir.size(), " bytes that are none, or a part of one"));
  }
  if (model.mind_ir_version() < 0 || model.mind_ir_version() > kNewestVersion) {
    return Invalid(
        absl::StrCat("expected a MindIR of version 1 to ", kNewestVersion,
                     ", found version ", model.mind_ir_version(),
                     "; export the model with MindSpore 2.10 or older"));
  }
  if (model.has_little_endian() && !model.little_endian()) {
    return Invalid("expected a MindIR with little-endian weights");
  }
  if (model.functions_size() > 0) {
    return Invalid(absl::StrCat(
        "expected a MindIR of one graph, found ", model.functions_size(),
        " more (control flow, or a Cell that is called as a function)"));
  }
  return model;
}

// Fills a MindIrModel from the graph.
class GraphReader {
 public:
  explicit GraphReader(const ModelProto& model)
      : graph_(model.graph()), version_(model.mind_ir_version()) {
    for (const PrimitiveProto& primitive : model.primitives()) {
      primitives_.emplace(primitive.name(), &primitive);
    }
  }

  absl::StatusOr<MindIrModel> Read() {
    for (const ValueInfoProto& input : graph_.input()) {
      LENET_RETURN_IF_ERROR(Define(input.name(), "an input"));
      LENET_ASSIGN_OR_RETURN(model_.inputs.emplace_back(),
                             ReadInfo(input, "input"));
    }
    for (const TensorProto& parameter : graph_.parameter()) {
      LENET_RETURN_IF_ERROR(Define(parameter.name(), "a parameter"));
      LENET_ASSIGN_OR_RETURN(
          model_.parameters[parameter.name()],
          ReadFloatTensor(
              parameter,
              absl::StrCat("parameter ", QuotedName(parameter.name()))));
    }
    for (const NodeProto& node : graph_.node()) {
      LENET_RETURN_IF_ERROR(ReadNode(node));
    }
    LENET_RETURN_IF_ERROR(CheckUses());
    LENET_RETURN_IF_ERROR(CheckVersion());
    for (const ValueInfoProto& output : graph_.output()) {
      LENET_ASSIGN_OR_RETURN(model_.outputs.emplace_back(),
                             ReadInfo(output, "output"));
      if (defined_.count(output.name()) == 0) {
        return Invalid(absl::StrCat("output ", QuotedName(output.name()),
                                    " is the output of no node"));
      }
    }
    LENET_RETURN_IF_ERROR(SortNodes(&model_.nodes));
    return std::move(model_);
  }

 private:
  absl::Status Define(const std::string& name, absl::string_view what) {
    if (name.empty()) return Invalid(absl::StrCat(what, " has no name"));
    if (defined_.insert(name).second) return absl::OkStatus();
    return Invalid(
        absl::StrCat("the name ", QuotedName(name), " is defined twice"));
  }

  static absl::StatusOr<MindIrInput> ReadInfo(const ValueInfoProto& info,
                                              absl::string_view what) {
    const std::string where =
        absl::StrCat("the graph's ", what, " ", QuotedName(info.name()));
    if (info.tensor_size() != 1) {
      return Invalid(absl::StrCat(where, ": expected one tensor, found ",
                                  info.tensor_size()));
    }
    MindIrInput result;
    result.name = info.name();
    LENET_RETURN_IF_ERROR(CheckFloat32(info.tensor(0), where));
    LENET_ASSIGN_OR_RETURN(result.shape, ReadShape(info.tensor(0), where));
    return result;
  }

  // The primitive that `node` names. A node of an old MindIR carries operator
  // and attributes itself: null.
  absl::StatusOr<const PrimitiveProto*> Primitive(const NodeProto& node,
                                                  const std::string& where) {
    absl::string_view name = node.op_type();
    if (!absl::ConsumePrefix(&name, kReference)) return nullptr;
    const auto found = primitives_.find(name);
    if (found != primitives_.end()) return found->second;
    return Invalid(absl::StrCat(
        where, ": truncated MindIR: expected a description of operator ",
        QuotedName(name), ", found none"));
  }

  absl::Status ReadNode(const NodeProto& proto) {
    const std::string where = absl::StrCat(
        "node ",
        QuotedName(proto.output_size() > 0 ? proto.output(0) : proto.name()));
    if (proto.output_size() != 1) {
      return Invalid(absl::StrCat(where, ": expected one output, found ",
                                  proto.output_size()));
    }
    LENET_RETURN_IF_ERROR(Define(proto.output(0), where));
    if (proto.op_type() == kConstant) return ReadConstant(proto, where);
    LENET_ASSIGN_OR_RETURN(const PrimitiveProto* const primitive,
                           Primitive(proto, where));
    MindIrNode& node = model_.nodes.emplace_back();
    node.output = proto.output(0);
    node.op = primitive == nullptr ? proto.op_type() : primitive->op_type();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    const auto& attributes =
        primitive == nullptr ? proto.attribute() : primitive->attribute();
    for (const AttributeProto& attribute : attributes) {
      const std::string what =
          absl::StrCat(where, " (", QuotedName(node.op), "): attribute ",
                       QuotedName(attribute.name()));
      LENET_ASSIGN_OR_RETURN(MindIrValue value, ReadValue(attribute, what));
      if (!node.attributes.emplace(attribute.name(), std::move(value)).second) {
        return Invalid(absl::StrCat(what, " is given twice"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadConstant(const NodeProto& proto, const std::string& where) {
    if (proto.input_size() != 0 || proto.attribute_size() != 1) {
      return Invalid(absl::StrCat(
          where, ": expected a constant of one value, found ",
          proto.attribute_size(), " and ", proto.input_size(), " inputs"));
    }
    LENET_ASSIGN_OR_RETURN(
        model_.constants[proto.output(0)],
        ReadValue(proto.attribute(0), absl::StrCat(where, " (Constant)")));
    return absl::OkStatus();
  }

  absl::Status CheckUses() const {
    for (const MindIrNode& node : model_.nodes) {
      for (const std::string& input : node.inputs) {
        if (defined_.count(input) > 0) continue;
        return Invalid(absl::StrCat("node ", QuotedName(node.output), " (",
                                    node.op, "): its input ", QuotedName(input),
                                    " is nowhere defined"));
      }
    }
    return absl::OkStatus();
  }

  // The version is the last field: a file that was cut before it would pass for
  // one of version 0, in which these operators have no further inputs.
  absl::Status CheckVersion() const {
    if (version_ > kLiteVersion) return absl::OkStatus();
    for (const MindIrNode& node : model_.nodes) {
      if ((node.op == "MatMul" || node.op == "BiasAdd") &&
          node.inputs.size() > 2) {
        return Invalid(absl::StrCat("truncated MindIR: expected ", node.op,
                                    " with 2 inputs in version ", version_,
                                    ", found ", node.inputs.size()));
      }
    }
    return absl::OkStatus();
  }

  const GraphProto& graph_;
  const int64_t version_;
  std::map<absl::string_view, const PrimitiveProto*> primitives_;
  std::set<std::string> defined_;
  MindIrModel model_;
};

}  // namespace

absl::StatusOr<MindIrModel> ReadMindIr(absl::string_view mindir) {
  LENET_ASSIGN_OR_RETURN(const ModelProto model, Parse(mindir));
  return GraphReader(model).Read();
}

}  // namespace lenet
