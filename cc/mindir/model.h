#ifndef CC_MINDIR_MODEL_H_
#define CC_MINDIR_MODEL_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/shape.h"

// The graph of a MindIR as plain data, and its readers. All functions are
// thread-safe.

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
  std::vector<TensorInfo> inputs;   // float32
  std::vector<TensorInfo> outputs;  // named as a node's output; float32, or
                                    // the integers of an argmax
  std::map<std::string, MindIrArray> parameters;  // weights by name
  std::map<std::string, MindIrValue> constants;   // by name
  std::vector<MindIrNode> nodes;  // each after the nodes that it uses
};

// Reads a MindIR of version 1 to 3 from the bytes of its file. A batch that the
// model leaves open (-1) becomes `batch`. In the result
// every name is defined once, every use refers to a definition, nodes follow
// the nodes that they use, and each tensor has as many elements as its shape.
//
// Returns InvalidArgument, with the expected and found values, for other or
// incomplete files, weights that are not float32 or not in the file, attributes
// of unknown types, and subgraphs (control flow). Operators and the names of
// attributes are not checked.
absl::StatusOr<MindIrModel> ReadMindIr(absl::string_view mindir,
                                       int64_t batch = 1);

struct LiteModel {
  std::vector<TensorInfo> inputs;  // float32
  std::vector<TensorInfo> outputs;
  std::string mindir;  // version 1, which MindSpore Lite 2.0 reads
};

// Converts a MindIR of version 1 to 3 to version 1. Versions 2 and 3 store some
// attributes, such as the transpose flags of MatMul, as constant inputs; these
// become attributes again. A batch that the model leaves open (-1) becomes
// `batch`. The rest is unchanged, unknown fields included.
//
// Returns InvalidArgument, with the expected and found values, for other or
// incomplete files, for inputs and outputs that are not float32 tensors of
// positive dimensions, and for operators that Lite computes wrongly.
// `lenet.mindir.lite` in Python does the same for LeNet at export.
absl::StatusOr<LiteModel> ToLiteForm(absl::string_view mindir,
                                     int64_t batch = 1);

}  // namespace lenet

#endif  // CC_MINDIR_MODEL_H_
