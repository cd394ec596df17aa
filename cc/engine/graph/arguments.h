#ifndef CC_ENGINE_GRAPH_ARGUMENTS_H_
#define CC_ENGINE_GRAPH_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// What an operator can be given besides tensors. MindSpore has it as an
// attribute of the operator or, since 2.x for many, as a constant input.
struct Argument {
  const char* name;  // of the attribute
  size_t input = 0;  // index of the input; 0: never one
};

// Reads the arguments of one node. Every error is InvalidArgument and names
// node, operator, argument, what was found and what is accepted.
class Arguments {
 public:
  // `node` and `model` must outlive it.
  Arguments(const MindIrNode& node, const MindIrModel& model)
      : node_(node), model_(model) {}

  // `message` about the node.
  absl::Status Error(absl::string_view message) const;
  // The same about an argument.
  absl::Status Error(const Argument& argument, absl::string_view found,
                     absl::string_view accepted) const;

  // That every attribute is one of `known`, or has no effect on the result.
  absl::Status CheckKnown(const std::vector<absl::string_view>& known) const;

  // That there are from `least` to `most` inputs.
  absl::Status CheckInputs(size_t least, size_t most) const;

  // Null if it is not given.
  const MindIrValue* Find(const Argument& argument) const;

  absl::StatusOr<bool> Bool(const Argument& argument, bool otherwise) const;
  absl::StatusOr<int64_t> Int(const Argument& argument,
                              int64_t otherwise) const;
  // Of a tuple, or of one number: each from `least` to `most`.
  absl::StatusOr<std::vector<int64_t>> Ints(const Argument& argument,
                                            int64_t least, int64_t most) const;
  // Two numbers (height, width): given as one for both, as two, or as four of
  // which the first two (batch, channels) are 1.
  absl::StatusOr<std::vector<int64_t>> Pair(const Argument& argument,
                                            int64_t least, int64_t most) const;
  // A choice, lower case: given as a text, or as its index in `choices`.
  absl::StatusOr<std::string> Choice(const Argument& argument,
                                     const std::vector<const char*>& choices,
                                     const char* otherwise) const;

  // That the layout is NCHW.
  absl::Status CheckFormat(const Argument& argument) const;

 private:
  const MindIrNode& node_;
  const MindIrModel& model_;
};

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_ARGUMENTS_H_
