#ifndef CC_MINDIR_TESTING_H_
#define CC_MINDIR_TESTING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cc/mindir/mind_ir.pb.h"

namespace lenet {

// Builds small MindIR files for tests, in the form that MindSpore 2.10 writes.
class MindIrMaker {
 public:
  using Ints = std::vector<int64_t>;
  // monostate stands for None.
  using Value =
      std::variant<std::monostate, bool, int64_t, float, const char*, Ints>;
  using Attributes = std::vector<std::pair<const char*, Value>>;

  MindIrMaker();

  MindIrMaker& Input(const char* name, const Ints& shape);
  MindIrMaker& Output(const char* name, const Ints& shape);
  // Adds a weight. The default values are 0.01, -0.02, 0.03 and so on.
  MindIrMaker& Parameter(const char* name, const Ints& shape,
                         const std::vector<float>& values = {});
  MindIrMaker& Constant(const char* name, const Value& value);
  MindIrMaker& TensorConstant(const char* name, const Ints& shape,
                              const std::vector<float>& values);
  // Adds a node and its primitive.
  MindIrMaker& Node(const char* op, const std::vector<const char*>& inputs,
                    const char* output, const Attributes& attributes = {});

  // For other changes. Nodes and constants have the order of the calls.
  mind_ir::ModelProto& proto() { return model_; }

  std::string Bytes() const { return model_.SerializeAsString(); }

 private:
  mind_ir::GraphProto* graph() { return model_.mutable_graph(); }

  mind_ir::ModelProto model_;
};

// Returns the network x [batch, 1, 12, 12], Conv2D 5x5 with 2 channels, ReLU,
// MaxPool 2x2, Flatten, MatMul to 10, BiasAdd, y [batch, 10]. MatMul is node 6,
// after two constants, and BiasAdd is node 8, after a third constant.
MindIrMaker SmallNetwork(int64_t batch);

}  // namespace lenet

#endif  // CC_MINDIR_TESTING_H_
