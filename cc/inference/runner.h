#ifndef CC_INFERENCE_RUNNER_H_
#define CC_INFERENCE_RUNNER_H_

#include "absl/status/statusor.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/options.h"
#include "cc/inference/report.h"

namespace lenet {

// Runs the model over the images and writes, when all are done:
//   <result_path>/<stem>.bin     10 little-endian float32 an image
//   <parent of result_path>/time_Result/test_perform_static.txt, report.json
// mindir_path and dataset_path must be given. Says on stderr where it runs.
//
// Errors: those of CheckChoice, OpenEngine, OpenDataset, ResultFolder and
// RunBatches; Aborted if the device failed. On an error nothing is left behind.
absl::StatusOr<Report> RunInference(const Infer310Options& options,
                                    const EngineFactories& factories = {});

}  // namespace lenet

#endif  // CC_INFERENCE_RUNNER_H_
