#ifndef CC_MINDIR_MODEL_H_
#define CC_MINDIR_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

// A MindIR as plain data: its one graph, without protobuf.

namespace lenet {

// A constant tensor, dense, in C order. `shape` has positive dimensions only;
// none for a scalar.
struct MindIrArray {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// The value of an attribute or a constant. monostate: none (None, or a monad,
// which stands for an order of side effects).
struct MindIrValue {
  using Sequence = std::vector<MindIrValue>;

  std::variant<std::monostate, bool, int64_t, double, std::string, MindIrArray,
               Sequence>
      value;
};

// "(3, 3)", "'same'", "true", "a tensor [2, 3]"; at most about 100 letters.
std::string ValueString(const MindIrValue& value);

// `name` in quotes, without control characters, shortened if it is long.
std::string QuotedName(absl::string_view name);

// Exactly one output: the name by which other nodes and the graph's outputs use
// it.
struct MindIrNode {
  std::string output;
  std::string op;  // "Conv2D"
  std::vector<std::string> inputs;
  std::map<std::string, MindIrValue> attributes;  // of its operator
};

// float32.
struct MindIrInput {
  std::string name;
  std::vector<int64_t> shape;
};

struct MindIrModel {
  std::vector<MindIrInput> inputs;
  std::vector<MindIrInput> outputs;               // `name` of a node
  std::map<std::string, MindIrArray> parameters;  // weights, by name
  std::map<std::string, MindIrValue> constants;   // by name
  std::vector<MindIrNode> nodes;  // each after the nodes that it uses
};

}  // namespace lenet

#endif  // CC_MINDIR_MODEL_H_
