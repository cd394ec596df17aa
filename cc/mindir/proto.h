#ifndef CC_MINDIR_PROTO_H_
#define CC_MINDIR_PROTO_H_

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/model.h"

// Reads the parts of a MindIR protobuf. All errors are InvalidArgument; those
// of functions with `where` start with it.

namespace lenet {

// The oldest version, which MindSpore Lite 2.0 reads.
inline constexpr int64_t kLiteVersion = 1;

// Parses a MindIR of version 1 to 3.
absl::StatusOr<mind_ir::ModelProto> ParseMindIr(absl::string_view mindir);

// The primitives of a model by name. Valid while the model has them.
using Primitives = std::map<absl::string_view, const mind_ir::PrimitiveProto*>;
Primitives PrimitivesByName(const mind_ir::ModelProto& model);

// Returns the primitive that a node refers to, or null for a constant and for a
// node that has operator and attributes itself, as in MindSpore 1.x. Returns an
// error if the primitive is missing because the file is truncated.
absl::StatusOr<const mind_ir::PrimitiveProto*> FindPrimitive(
    const Primitives& primitives, const mind_ir::NodeProto& node,
    absl::string_view where);

// Returns the number of inputs of an operator in version 1 if later versions
// have more, else 0.
int LiteInputs(absl::string_view op);

// Returns an error if an operator has inputs that its version lacks. A
// truncated file appears to have version 0, because its last field is the
// version.
absl::Status CheckInputs(absl::string_view op, int inputs, int64_t version,
                         absl::string_view where);

// Reads an attribute, a constant or an element of a tuple.
absl::StatusOr<MindIrValue> ReadValue(const mind_ir::AttributeProto& proto,
                                      absl::string_view where);

// Sets the batch of inputs and outputs that leave it open (-1). Returns whether
// there was one.
bool SetBatch(int64_t batch, mind_ir::GraphProto* graph);

// Reads name and shape of the inputs or outputs of a graph, as `kind` says in
// messages. They must be float32, or, with `integers`, int32 or int64.
absl::StatusOr<std::vector<TensorInfo>> ReadTensorInfos(
    const google::protobuf::RepeatedPtrField<mind_ir::ValueInfoProto>& values,
    absl::string_view kind, bool integers = false);

// Reads a float32 tensor whose data is stored in the file itself.
absl::StatusOr<MindIrArray> ReadFloatTensor(const mind_ir::TensorProto& proto,
                                            absl::string_view where);

}  // namespace lenet

#endif  // CC_MINDIR_PROTO_H_
