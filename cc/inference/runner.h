#ifndef CC_INFERENCE_RUNNER_H_
#define CC_INFERENCE_RUNNER_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/options.h"
#include "cc/inference/report.h"
#include "cc/inference/results.h"

namespace lenet {

// Catches the first SIGINT, SIGTERM or SIGHUP, so that the program can remove
// partial output; a second signal ends the program immediately.
void CatchInterrupts();

// Returns the caught signal, or 0.
int InterruptSignal();

// Runs the engine over all images in order and writes their logits to
// `results` without committing them. Batches have `batch_size` images, at most
// the engine's batch size; up to engine->depth() batches run at once. `threads`
// threads decode images. Shows progress. The report has the images, the correct
// ones, the latency (of a batch, from its start to its logits) and the seconds
// from the first image to the last result.
//
// Images that cannot be read are reported on stderr and skipped, unless
// `strict`. Returns InvalidArgument if none can be read, the errors of the
// engine and the folder, Internal if a logit is not finite, and Cancelled after
// an interrupt. After an error of the engine, only its destructor may be
// called.
absl::StatusOr<Report> RunBatches(const Dataset& dataset, size_t batch_size,
                                  int threads, bool strict, Engine* engine,
                                  ResultFolder* results);

// Runs the model over all images, then writes:
//   <result_path>/results.npy, or <stem>.bin per image (see ResultFormat)
//   <parent of result_path>/time_Result/test_perform_static.txt, report.json,
//   results.csv
// model_path and dataset_path must be set. Prints the engine and the device on
// stderr.
//
// Returns the errors of CheckChoice, OpenEngine, OpenDataset, ResultFolder and
// RunBatches, and Aborted if the device failed. Leaves nothing behind on an
// error.
absl::StatusOr<Report> RunInference(const Infer310Options& options,
                                    const EngineFactories& factories = {});

}  // namespace lenet

#endif  // CC_INFERENCE_RUNNER_H_
