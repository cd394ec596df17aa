#ifndef CC_KERNELS_TRAIN_OPERATOR_H_
#define CC_KERNELS_TRAIN_OPERATOR_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "cc/kernels/lenet_train.h"

// The arguments of the operators that train LeNet-5 from MindSpore, on the CPU
// and on a GPU.

namespace lenet::kernels {

// Limit of each dimension of images, so that offsets fit into 32 bits.
constexpr int64_t kMaxSide = 1 << 12;

// The arguments of an operator of ops.Custom(func_type="aot").
struct OperatorArguments {
  int count;
  void** data;  // inputs, then outputs
  int* ndims;
  int64_t** shapes;
  const char** dtypes;

  bool HasRank(int index, const char* dtype, int ndim) const {
    return std::strcmp(dtypes[index], dtype) == 0 && ndims[index] == ndim;
  }
  bool Is(int index, const char* dtype,
          const std::vector<int64_t>& shape) const {
    return HasRank(index, dtype, static_cast<int>(shape.size())) &&
           std::equal(shape.begin(), shape.end(), shapes[index]);
  }
  int64_t Dim(int index, int axis) const { return shapes[index][axis]; }
  template <typename T>
  T* Data(int index) const {
    return static_cast<T*>(data[index]);
  }
};

struct TrainCall {
  TrainBatches batches;
  int threads;
  LenetParameters parameters;
  LenetParameters moments;
  float* losses;
  std::vector<Momentum> optimizers;  // batches.optimizers
};

// Reads: images [N, H, W] uint8, labels [N] int32, normalize [256], order [K,
// B] int32, learning rates [K], steps [1] int32 (at most K), momentum [1],
// threads [1] int32, 8 parameters, 8 moments -> losses [K], 8 parameters, 8
// moments. Copies the parameters and moments to the outputs, which `call` has,
// and sets the losses to 0.
//
// Returns -1, or the index of an argument of a wrong type, shape or value, in
// which case nothing is written; `count` if their number is wrong.
inline int ReadTrainCall(const OperatorArguments& arguments, TrainCall* call) {
  enum Index {
    kImages,
    kLabels,
    kNormalize,
    kOrder,
    kRates,
    kSteps,
    kMomentum,
    kThreads,
    kParameters,
    kMoments = kParameters + kLenetParameters,
    kLosses = kMoments + kLenetParameters,
    kNewParameters,
    kNewMoments = kNewParameters + kLenetParameters,
    kCount = kNewMoments + kLenetParameters,
  };
  constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

  if (arguments.count != kCount) return arguments.count;
  if (!arguments.HasRank(kImages, "uint8", 3)) return kImages;
  const int64_t height = arguments.Dim(kImages, 1);
  const int64_t width = arguments.Dim(kImages, 2);
  if (height < kMinTrainSide || height > kMaxSide || width < kMinTrainSide ||
      width > kMaxSide) {
    return kImages;
  }
  if (!arguments.HasRank(kOrder, "int32", 2)) return kOrder;
  const int64_t count = arguments.Dim(kImages, 0);
  const int64_t rows = arguments.Dim(kOrder, 0);
  const int64_t batch = arguments.Dim(kOrder, 1);
  if (batch < 1 || batch > kMaxInt || rows > kMaxInt) return kOrder;
  if (!arguments.Is(kLabels, "int32", {count})) return kLabels;
  if (!arguments.Is(kNormalize, "float32", {256})) return kNormalize;
  if (!arguments.Is(kRates, "float32", {rows})) return kRates;
  if (!arguments.Is(kSteps, "int32", {1})) return kSteps;
  const int32_t steps = *arguments.Data<int32_t>(kSteps);
  if (steps < 0 || steps > rows) return kSteps;
  if (!arguments.Is(kMomentum, "float32", {1})) return kMomentum;
  if (!arguments.Is(kThreads, "int32", {1})) return kThreads;
  if (!arguments.Is(kLosses, "float32", {rows})) return kLosses;
  const auto shapes =
      LenetParameterShapes(static_cast<int>(height), static_cast<int>(width));
  for (int i = 0; i < kLenetParameters; ++i) {
    for (const int first :
         {kParameters, kMoments, kNewParameters, kNewMoments}) {
      if (!arguments.Is(first + i, "float32", shapes[static_cast<size_t>(i)]))
        return first + i;
    }
  }

  for (int i = 0; i < kLenetParameters; ++i) {
    const auto at = static_cast<size_t>(i);
    size_t bytes = sizeof(float);
    for (const int64_t dim : shapes[at]) bytes *= static_cast<size_t>(dim);
    const auto copy = [&](int from, int to) {
      std::memcpy(arguments.data[to], arguments.data[from], bytes);
      return arguments.Data<float>(to);
    };
    call->parameters[at] = copy(kParameters + i, kNewParameters + i);
    call->moments[at] = copy(kMoments + i, kNewMoments + i);
  }
  call->optimizers.resize(static_cast<size_t>(rows));
  for (size_t i = 0; i < call->optimizers.size(); ++i) {
    call->optimizers[i] = {arguments.Data<float>(kRates)[i],
                           *arguments.Data<float>(kMomentum)};
  }
  call->threads = *arguments.Data<int32_t>(kThreads);
  call->losses = arguments.Data<float>(kLosses);
  std::fill_n(call->losses, rows, 0.0f);
  call->batches = {
      arguments.Data<uint8_t>(kImages),
      arguments.Data<int32_t>(kLabels),
      arguments.Data<float>(kNormalize),
      count,
      static_cast<int>(height),
      static_cast<int>(width),
      arguments.Data<int32_t>(kOrder),
      call->optimizers.data(),
      steps,
      static_cast<int>(batch),
  };
  return -1;
}

}  // namespace lenet::kernels

#endif  // CC_KERNELS_TRAIN_OPERATOR_H_
