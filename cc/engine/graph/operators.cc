#include "cc/engine/graph/operators.h"

#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/arguments.h"
#include "cc/engine/graph/dense_operators.h"
#include "cc/engine/graph/image_operators.h"

namespace lenet::graph {
namespace {

// Load, Depend, UpdateState: the order of side effects, of which a network has
// none here. The result is the first input.
absl::StatusOr<Operand> BuildFirstInput(const MindIrNode& node,
                                        StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(1, 2));
  return builder->Input(node, 0);
}

absl::StatusOr<Operand> BuildNothing(const MindIrNode&, StepBuilder*) {
  return Operand{};
}

absl::StatusOr<Operand> BuildTuple(const MindIrNode& node,
                                   StepBuilder* builder) {
  auto elements = std::make_shared<std::vector<Operand>>();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    elements->push_back(builder->Input(node, i));
  }
  return Operand{OperandTuple(std::move(elements))};
}

absl::StatusOr<Operand> BuildTupleItem(const MindIrNode& node,
                                       StepBuilder* builder) {
  const Arguments arguments(node, builder->model());
  LENET_RETURN_IF_ERROR(arguments.CheckInputs(2, 2));
  const Argument kIndex = {"index", 1};
  LENET_ASSIGN_OR_RETURN(const int64_t index, arguments.Int(kIndex, 0));
  const Operand& input = builder->Input(node, 0);
  const auto* const tuple = std::get_if<OperandTuple>(&input.value);
  if (tuple == nullptr) {
    return arguments.Error("input 0: expected a tuple, found none");
  }
  if (index < 0 || index >= static_cast<int64_t>((*tuple)->size())) {
    return arguments.Error(
        kIndex, absl::StrCat(index),
        absl::StrCat("an index into a tuple of ", (*tuple)->size()));
  }
  return (**tuple)[static_cast<size_t>(index)];
}

using NodeBuilder = absl::StatusOr<Operand> (*)(const MindIrNode&,
                                                StepBuilder*);

const std::map<std::string, NodeBuilder>& Builders() {
  static const auto& builders = *new std::map<std::string, NodeBuilder>{
      {"Add", &BuildAdd},
      {"AvgPool", &BuildAveragePool},
      {"BiasAdd", &BuildBiasAdd},
      {"Conv2D", &BuildConv},
      {"Dense", &BuildDense},
      {"Depend", &BuildFirstInput},
      {"Flatten", &BuildFlatten},
      {"Load", &BuildFirstInput},
      {"MakeTuple", &BuildTuple},
      {"MatMul", &BuildMatMul},
      {"MaxPool", &BuildMaxPool},
      {"ReLU", &BuildRelu},
      {"Reshape", &BuildReshape},
      {"Return", &BuildFirstInput},
      {"Softmax", &BuildSoftmax},
      {"TupleGetItem", &BuildTupleItem},
      {"UpdateState", &BuildNothing},
  };
  return builders;
}

}  // namespace

absl::StatusOr<Operand> BuildNode(const MindIrNode& node,
                                  StepBuilder* builder) {
  const auto found = Builders().find(node.op);
  if (found != Builders().end()) return found->second(node, builder);
  return absl::InvalidArgumentError(
      absl::StrCat("node ", QuotedName(node.output), ": the operator ",
                   QuotedName(node.op), " is not implemented; implemented are ",
                   absl::StrJoin(OperatorNames(), ", ")));
}

std::vector<std::string> OperatorNames() {
  std::vector<std::string> names;
  for (const auto& [name, builder] : Builders()) names.push_back(name);
  return names;
}

}  // namespace lenet::graph
