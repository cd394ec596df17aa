#ifndef CC_INFERENCE_BATCH_RUN_H_
#define CC_INFERENCE_BATCH_RUN_H_

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "cc/base/latency.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/inference/results.h"

namespace lenet {

struct RunOutcome {
  std::optional<size_t> correct;  // nothing if the labels are unknown
  LatencyRecorder::Summary latency;
  double seconds = 0;  // from the first image to the last result
};

// Runs the engine over all images in order and writes their logits to
// `results` without committing them. Batches have `batch_size` images, at most
// the engine's batch size; up to engine->depth() batches run at once. `threads`
// threads decode images. Shows progress. The latency of a batch is the time
// from its start to its logits.
//
// Returns the errors of the data set, the engine and the folder, Internal if a
// logit is not finite, and Cancelled after an interrupt. After an error of the
// engine, only its destructor may be called.
absl::StatusOr<RunOutcome> RunBatches(const Dataset& dataset, size_t batch_size,
                                      int threads, Engine* engine,
                                      ResultFolder* results);

}  // namespace lenet

#endif  // CC_INFERENCE_BATCH_RUN_H_
