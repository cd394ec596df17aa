#ifndef CC_MINDIR_TESTING_H_
#define CC_MINDIR_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cc/mindir/mind_ir.pb.h"

namespace lenet {

// Makes small MindIR files for tests, as MindSpore 2.10 writes them.
class MindIrMaker {
 public:
  using Ints = std::vector<int64_t>;
  // monostate: None.
  using Value =
      std::variant<std::monostate, bool, int64_t, float, const char*, Ints>;
  using Attributes = std::vector<std::pair<const char*, Value>>;

  MindIrMaker();

  MindIrMaker& Input(const char* name, const Ints& shape);
  MindIrMaker& Output(const char* name, const Ints& shape);
  // A weight. Without values: 0.01, -0.02, 0.03 and so on.
  MindIrMaker& Parameter(const char* name, const Ints& shape,
                         const std::vector<float>& values = {});
  MindIrMaker& Constant(const char* name, const Value& value);
  MindIrMaker& TensorConstant(const char* name, const Ints& shape,
                              const std::vector<float>& values);
  // A node and an operator of its own.
  MindIrMaker& Node(const char* op, const std::vector<const char*>& inputs,
                    const char* output, const Attributes& attributes = {});

  // For what has no function here. Nodes are in the order of their calls.
  mind_ir::ModelProto& proto() { return model_; }
  mind_ir::AttributeProto* AttributeOf(int node, const std::string& name);

  std::string Bytes() const { return model_.SerializeAsString(); }

 private:
  mind_ir::GraphProto* graph() { return model_.mutable_graph(); }

  mind_ir::ModelProto model_;
};

// Input x [batch, 1, 12, 12]; Conv2D 5x5 of 2 channels, ReLU, MaxPool 2x2,
// Flatten, MatMul to 10, BiasAdd: nodes 0 to 5 but for two constants before
// MatMul and one before BiasAdd. Output y [batch, 10].
MindIrMaker SmallNetwork(int64_t batch);

}  // namespace lenet

#endif  // CC_MINDIR_TESTING_H_
