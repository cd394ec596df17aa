#ifndef CC_GPU_CHECK_H_
#define CC_GPU_CHECK_H_

#include "absl/status/status.h"
#include "cc/kernels/train_problem.h"

namespace lenet::gpu {

class Trainer;

// Largest accepted difference to the reference, relative to the largest element
// of the same array.
inline constexpr double kCheckTolerance = 1e-4;

// Trains on random data, always the same, and compares losses, parameters,
// moments, and the logits of a forward pass with the reference in cc/kernels.
// Aborted if an element differs by more than kCheckTolerance.
absl::Status CheckCard(const kernels::TrainProblem& problem, Trainer* trainer);

}  // namespace lenet::gpu

#endif  // CC_GPU_CHECK_H_
