#ifndef CC_INFERENCE_BATCH_RUN_H_
#define CC_INFERENCE_BATCH_RUN_H_

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "cc/base/latency.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/inference/result_folder.h"

namespace lenet {

struct RunOutcome {
  std::optional<size_t> correct;  // nothing if the labels are unknown
  LatencyRecorder::Summary latency;
  double seconds = 0;  // from the first image to the last result
};

// Takes all images, in order, through the engine to `results` (without Commit),
// in batches of `batch_size`, which is at most the engine's. `threads` decode.
// As many batches are under way as the engine allows; the latency of one is
// from its start to its logits. Shows progress.
//
// Errors: of the data set, the engine and the folder; Internal if a logit is
// not finite; Cancelled after an interrupt. After an error of the engine it is
// good for nothing but its destructor.
absl::StatusOr<RunOutcome> RunBatches(const Dataset& dataset, size_t batch_size,
                                      int threads, Engine* engine,
                                      ResultFolder* results);

}  // namespace lenet

#endif  // CC_INFERENCE_BATCH_RUN_H_
