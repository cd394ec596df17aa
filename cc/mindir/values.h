#ifndef CC_MINDIR_VALUES_H_
#define CC_MINDIR_VALUES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/model.h"

// The parts of a MindIR as plain data. `where` begins each message. All errors
// are InvalidArgument.

namespace lenet {

// Of a value, an attribute, or an element of a tuple.
absl::StatusOr<MindIrValue> ReadValue(const mind_ir::AttributeProto& proto,
                                      absl::string_view where);

absl::Status CheckFloat32(const mind_ir::TensorProto& proto,
                          absl::string_view where);

// Positive dimensions whose product fits into 31 bits.
absl::StatusOr<std::vector<int64_t>> ReadShape(
    const mind_ir::TensorProto& proto, absl::string_view where);

// Shape and data, which must be float32, and lie in the file.
absl::StatusOr<MindIrArray> ReadFloatTensor(const mind_ir::TensorProto& proto,
                                            absl::string_view where);

}  // namespace lenet

#endif  // CC_MINDIR_VALUES_H_
