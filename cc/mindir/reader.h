#ifndef CC_MINDIR_READER_H_
#define CC_MINDIR_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/model.h"

namespace lenet {

// Reads a MindIR of version 1 to 3 from the bytes of its file. In the result
// every name is defined once, every use refers to a definition, nodes follow
// the nodes that they use, and each tensor has as many elements as its shape.
//
// Returns InvalidArgument, with the expected and found values, for other or
// incomplete files, weights that are not float32 or not in the file, attributes
// of unknown types, and subgraphs (control flow). Operators and the names of
// attributes are not checked. Thread-safe.
absl::StatusOr<MindIrModel> ReadMindIr(absl::string_view mindir);

}  // namespace lenet

#endif  // CC_MINDIR_READER_H_
