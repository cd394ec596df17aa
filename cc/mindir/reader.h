#ifndef CC_MINDIR_READER_H_
#define CC_MINDIR_READER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/model.h"

namespace lenet {

// Reads a MindIR of version 1 to 3, the whole file as bytes. What it returns is
// consistent: every name is defined once, every use has its definition, nodes
// are in an order in which they can run, and each tensor has as many elements
// as its shape says.
//
// InvalidArgument, with what was expected and found, for anything else: bytes
// that are no MindIR or a part of one, weights that are not float32 or not in
// the file itself, attributes of unknown types, subgraphs (control flow).
// Which operators and attributes there are is not its concern. Thread-safe.
absl::StatusOr<MindIrModel> ReadMindIr(absl::string_view mindir);

}  // namespace lenet

#endif  // CC_MINDIR_READER_H_
