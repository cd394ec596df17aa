#ifndef CC_INFERENCE_INPUTS_H_
#define CC_INFERENCE_INPUTS_H_

#include <string>

#include "absl/status/status.h"
#include "cc/inference/options.h"

namespace lenet {

// Fills an empty mindir_path with the model that the build graph trains, and an
// empty dataset_path with the MNIST test set, both from the runfiles of the
// program `argv0`. NotFound if there are none, with the flag to give. Sets
// lite_plugin to the shared library of the engine lite, from the runfiles or
// from beside the program; "" if it is in neither.
absl::Status FillInputsFromRunfiles(const std::string& argv0,
                                    Infer310Options* options);

}  // namespace lenet

#endif  // CC_INFERENCE_INPUTS_H_
