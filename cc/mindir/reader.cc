#include <algorithm>
#include <functional>
#include <queue>
#include <set>
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
using mind_ir::TensorProto;

constexpr absl::string_view kConstant = "Constant";

// Orders nodes so that each follows the nodes whose outputs it uses, and
// otherwise keeps their order. Returns InvalidArgument if there is a cycle or
// an input is not in `defined`.
absl::Status SortNodes(const std::set<std::string>& defined,
                       std::vector<MindIrNode>* nodes) {
  std::map<absl::string_view, size_t> index;
  for (size_t i = 0; i < nodes->size(); ++i) index[(*nodes)[i].output] = i;
  std::vector<std::vector<size_t>> users(nodes->size());
  std::vector<size_t> open_inputs(nodes->size());
  for (size_t i = 0; i < nodes->size(); ++i) {
    const MindIrNode& node = (*nodes)[i];
    for (const std::string& input : node.inputs) {
      if (defined.count(input) == 0) {
        return InvalidArgument("node ", QuotedName(node.output), " (", node.op,
                               "): its input ", QuotedName(input),
                               " is not defined");
      }
      const auto found = index.find(input);
      if (found == index.end()) continue;
      users[found->second].push_back(i);
      ++open_inputs[i];
    }
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes->size(); ++i) {
    if (open_inputs[i] == 0) ready.push(i);
  }
  std::vector<size_t> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const size_t user : users[order.back()]) {
      if (--open_inputs[user] == 0) ready.push(user);
    }
  }
  if (order.size() < nodes->size()) {
    const auto stuck = std::find_if(open_inputs.begin(), open_inputs.end(),
                                    [](size_t count) { return count > 0; });
    const MindIrNode& node =
        (*nodes)[static_cast<size_t>(stuck - open_inputs.begin())];
    return InvalidArgument("node ", QuotedName(node.output), " (", node.op,
                           "): depends on its own output");
  }
  std::vector<MindIrNode> sorted;
  for (const size_t i : order) sorted.push_back(std::move((*nodes)[i]));
  *nodes = std::move(sorted);
  return absl::OkStatus();
}

// Fills a MindIrModel from a graph.
class GraphReader {
 public:
  explicit GraphReader(const ModelProto& model)
      : graph_(model.graph()),
        version_(model.mind_ir_version()),
        primitives_(PrimitivesByName(model)) {}

  absl::StatusOr<MindIrModel> Read() {
    LENET_ASSIGN_OR_RETURN(model_.inputs,
                           ReadTensorInfos(graph_.input(), "input"));
    for (const TensorInfo& input : model_.inputs) {
      LENET_RETURN_IF_ERROR(Define(input.name, "an input"));
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
    LENET_RETURN_IF_ERROR(SortNodes(defined_, &model_.nodes));
    LENET_ASSIGN_OR_RETURN(model_.outputs,
                           ReadTensorInfos(graph_.output(), "output", true));
    for (const TensorInfo& output : model_.outputs) {
      if (defined_.count(output.name) > 0) continue;
      return InvalidArgument("output ", QuotedName(output.name),
                             " is not the output of a node");
    }
    return std::move(model_);
  }

 private:
  absl::Status Define(const std::string& name, absl::string_view what) {
    if (name.empty()) return InvalidArgument(what, " has no name");
    if (defined_.insert(name).second) return absl::OkStatus();
    return InvalidArgument("the name ", QuotedName(name), " is defined twice");
  }

  absl::Status ReadNode(const NodeProto& proto) {
    const std::string where = absl::StrCat(
        "node ",
        QuotedName(proto.output_size() > 0 ? proto.output(0) : proto.name()));
    if (proto.output_size() != 1) {
      return InvalidArgument(where, ": expected one output, found ",
                             proto.output_size());
    }
    LENET_RETURN_IF_ERROR(Define(proto.output(0), where));
    if (proto.op_type() == kConstant) return ReadConstant(proto, where);
    LENET_ASSIGN_OR_RETURN(const PrimitiveProto* const primitive,
                           FindPrimitive(primitives_, proto, where));
    MindIrNode& node = model_.nodes.emplace_back();
    node.output = proto.output(0);
    node.op = primitive == nullptr ? proto.op_type() : primitive->op_type();
    LENET_RETURN_IF_ERROR(
        CheckInputs(node.op, proto.input_size(), version_, where));
    node.inputs.assign(proto.input().begin(), proto.input().end());
    const auto& attributes =
        primitive == nullptr ? proto.attribute() : primitive->attribute();
    for (const AttributeProto& attribute : attributes) {
      const std::string what =
          absl::StrCat(where, " (", QuotedName(node.op), "): attribute ",
                       QuotedName(attribute.name()));
      LENET_ASSIGN_OR_RETURN(MindIrValue value, ReadValue(attribute, what));
      if (!node.attributes.emplace(attribute.name(), std::move(value)).second) {
        return InvalidArgument(what, " is given twice");
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadConstant(const NodeProto& proto, const std::string& where) {
    if (proto.input_size() != 0 || proto.attribute_size() != 1) {
      return InvalidArgument(
          where, ": expected a constant of one value, found ",
          proto.attribute_size(), " and ", proto.input_size(), " inputs");
    }
    LENET_ASSIGN_OR_RETURN(
        model_.constants[proto.output(0)],
        ReadValue(proto.attribute(0), absl::StrCat(where, " (Constant)")));
    return absl::OkStatus();
  }

  const GraphProto& graph_;
  const int64_t version_;
  const Primitives primitives_;
  std::set<std::string> defined_;
  MindIrModel model_;
};

}  // namespace

absl::StatusOr<MindIrModel> ReadMindIr(absl::string_view mindir,
                                       int64_t batch) {
  LENET_ASSIGN_OR_RETURN(ModelProto model, ParseMindIr(mindir));
  SetBatch(batch, model.mutable_graph());
  if (model.has_little_endian() && !model.little_endian()) {
    return InvalidArgument("expected a MindIR with little-endian weights");
  }
  if (model.functions_size() > 0) {
    return InvalidArgument("expected a MindIR of one graph, found ",
                           model.functions_size(),
                           " more (control flow, or calls of a Cell)");
  }
  return GraphReader(model).Read();
}

}  // namespace lenet
