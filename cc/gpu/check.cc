#include "cc/gpu/check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/gpu/trainer.h"
#include "cc/kernels/lenet_train.h"
#include "cc/kernels/reference.h"

namespace lenet::gpu {
namespace {

using kernels::Doubles;
using kernels::kLenetParameters;
using kernels::LenetFloats;
using kernels::LenetParameters;

constexpr const char* kNames[kLenetParameters] = {
    "conv1.weight", "conv2.weight", "fc1.weight", "fc1.bias",
    "fc2.weight",   "fc2.bias",     "fc3.weight", "fc3.bias"};

absl::Status Compare(absl::string_view name, const std::vector<float>& actual,
                     const Doubles& expected, const Trainer& trainer) {
  double largest = 0.0;
  for (const double value : expected) {
    largest = std::max(largest, std::abs(value));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(actual[i] - expected[i]);
    // NaN differs.
    if (difference <= kCheckTolerance * largest) continue;
    return absl::AbortedError(
        absl::StrCat("GPU: ", trainer.card(), " computes wrong results: ", name,
                     "[", i, "] is ", actual[i], " instead of ", expected[i],
                     "; update NVIDIA's driver, or use another card or "
                     "--device_target=CPU"));
  }
  return absl::OkStatus();
}

LenetParameters Pointers(LenetFloats* arrays) {
  LenetParameters result;
  for (size_t i = 0; i < kLenetParameters; ++i) result[i] = (*arrays)[i].data();
  return result;
}

}  // namespace

absl::Status CheckCard(const kernels::TrainProblem& problem, Trainer* trainer) {
  kernels::TrainSolution expected;
  kernels::TrainData data = MakeClearData(problem, &expected);
  const kernels::TrainBatches batches = data.Batches();
  std::vector<float> logits(expected.logits.size());
  std::vector<float> losses(expected.losses.size());
  LenetFloats moments;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    moments[i].resize(data.parameters[i].size());
  }
  LENET_RETURN_IF_ERROR(
      trainer->Forward(batches.images, batches.count, batches.normalize,
                       Pointers(&data.parameters).data(), logits.data()));
  LENET_RETURN_IF_ERROR(trainer->Train(batches, Pointers(&data.parameters),
                                       Pointers(&moments), losses.data()));
  LENET_RETURN_IF_ERROR(Compare("logits", logits, expected.logits, *trainer));
  LENET_RETURN_IF_ERROR(Compare("losses", losses, expected.losses, *trainer));
  for (size_t i = 0; i < kLenetParameters; ++i) {
    LENET_RETURN_IF_ERROR(Compare(kNames[i], data.parameters[i],
                                  expected.parameters[i], *trainer));
    LENET_RETURN_IF_ERROR(Compare(absl::StrCat("moments of ", kNames[i]),
                                  moments[i], expected.moments[i], *trainer));
  }
  return absl::OkStatus();
}

}  // namespace lenet::gpu
