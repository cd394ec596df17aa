#ifndef CC_MINDIR_PROTO_H_
#define CC_MINDIR_PROTO_H_

#include <cstdint>
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

// Returns the name of the primitive that a node refers to, or "" for a constant
// and for a node that has operator and attributes itself.
absl::string_view PrimitiveName(const mind_ir::NodeProto& node);

// Returns the error for a file that lacks its last part: a node that refers to
// a missing primitive, or a node with inputs that version 0 and 1 do not have.
absl::Status Truncated(absl::string_view where, absl::string_view message);

// Returns the number of inputs of an operator in version 1 if later versions
// have more, else 0.
int LiteInputs(absl::string_view op);

// Reads an attribute, a constant or an element of a tuple.
absl::StatusOr<MindIrValue> ReadValue(const mind_ir::AttributeProto& proto,
                                      absl::string_view where);

absl::Status CheckFloat32(const mind_ir::TensorProto& proto,
                          absl::string_view where);

// Returns positive dimensions with a product below 2^31.
absl::StatusOr<std::vector<int64_t>> ReadShape(
    const mind_ir::TensorProto& proto, absl::string_view where);

// Reads a float32 tensor whose data is stored in the file itself.
absl::StatusOr<MindIrArray> ReadFloatTensor(const mind_ir::TensorProto& proto,
                                            absl::string_view where);

}  // namespace lenet

#endif  // CC_MINDIR_PROTO_H_
