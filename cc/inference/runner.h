#ifndef CC_INFERENCE_RUNNER_H_
#define CC_INFERENCE_RUNNER_H_

#include "absl/status/statusor.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/options.h"
#include "cc/inference/report.h"

namespace lenet {

// Runs the model over all images, then writes:
//   <result_path>/<stem>.bin  10 little-endian float32 per image
//   <parent of result_path>/time_Result/test_perform_static.txt, report.json
// mindir_path and dataset_path must be set. Prints the engine and the device on
// stderr.
//
// Returns the errors of CheckChoice, OpenEngine, OpenDataset, ResultFolder and
// RunBatches, and Aborted if the device failed. Leaves nothing behind on an
// error.
absl::StatusOr<Report> RunInference(const Infer310Options& options,
                                    const EngineFactories& factories = {});

}  // namespace lenet

#endif  // CC_INFERENCE_RUNNER_H_
