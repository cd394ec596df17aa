#ifndef CC_MINDIR_MODEL_H_
#define CC_MINDIR_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/base/shape.h"

// The graph of a MindIR as plain data, without protobuf.

namespace lenet {

// A dense constant tensor in C order. All dimensions are positive; a scalar has
// none.
struct MindIrArray {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

// The value of an attribute or a constant. monostate stands for None and for
// monads (the order of side effects).
struct MindIrValue {
  using Sequence = std::vector<MindIrValue>;

  std::variant<std::monostate, bool, int64_t, double, std::string, MindIrArray,
               Sequence>
      value;
};

// Returns a short text: "(3, 3)", "'same'", "true", "a tensor [2, 3]".
std::string ValueText(const MindIrValue& value);

// Returns `name` in quotes, shortened, with control characters escaped.
std::string QuotedName(absl::string_view name);

struct MindIrNode {
  std::string output;  // name of the only output, which other nodes refer to
  std::string op;      // "Conv2D"
  std::vector<std::string> inputs;
  std::map<std::string, MindIrValue> attributes;
};

struct MindIrModel {
  std::vector<TensorInfo> inputs;                 // float32
  std::vector<TensorInfo> outputs;                // named as a node's output
  std::map<std::string, MindIrArray> parameters;  // weights by name
  std::map<std::string, MindIrValue> constants;   // by name
  std::vector<MindIrNode> nodes;  // each after the nodes that it uses
};

}  // namespace lenet

#endif  // CC_MINDIR_MODEL_H_
