// The kernels as operators of MindSpore: functions of a shared library with the
// signature that MindSpore documents for ops.Custom(func_type="aot"). Inputs
// come first in `data`, then outputs. Anything but 0 is an error to MindSpore;
// lenet.kernels in Python declares the operators and checks what users give.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/lenet_train.h"
#include "cc/kernels/thread_pool.h"

namespace lenet::kernels {
namespace {

constexpr int kDone = 0;
constexpr int kWrongArguments = 1;
constexpr int kWrongData = 2;

// Images whose weight gradient is summed by one task: a constant, so that the
// sum does not depend on the number of threads.
constexpr int kImagesPerTask = 16;

// What MindSpore passes to an operator.
struct Arguments {
  int count;
  void** data;
  int* ndims;
  int64_t** shapes;
  const char** dtypes;

  bool Is(int index, const char* dtype, int ndim) const {
    return std::strcmp(dtypes[index], dtype) == 0 && ndims[index] == ndim;
  }
  int64_t Dim(int index, int axis) const { return shapes[index][axis]; }
  int64_t Size(int index) const {
    int64_t size = 1;
    for (int axis = 0; axis < ndims[index]; ++axis) size *= Dim(index, axis);
    return size;
  }
  template <typename T>
  T* Data(int index) const {
    return static_cast<T*>(data[index]);
  }
};

// Images first, then the weights of a block; false if they do not fit.
bool BlockShape(const Arguments& arguments, ConvReluPoolShape* shape) {
  if (!arguments.Is(0, "float32", 4) || !arguments.Is(1, "float32", 4) ||
      arguments.Dim(1, 1) != arguments.Dim(0, 1) ||
      arguments.Dim(1, 2) != kConvKernel ||
      arguments.Dim(1, 3) != kConvKernel) {
    return false;
  }
  *shape = {static_cast<int>(arguments.Dim(0, 1)),
            static_cast<int>(arguments.Dim(0, 2)),
            static_cast<int>(arguments.Dim(0, 3)),
            static_cast<int>(arguments.Dim(1, 0))};
  return shape->out_height() > 0 && shape->out_width() > 0;
}

// The images of a batch, in tasks of a pool.
class Tasks {
 public:
  Tasks(int64_t images, int threads)
      : images_(static_cast<int>(images)), pool_(threads) {}

  int count() const { return (images_ + kImagesPerTask - 1) / kImagesPerTask; }
  int threads() const { return pool_.threads(); }

  // Calls function(task, first image, images, thread) for each task.
  template <typename Function>
  void Run(const Function& function) {
    struct Context {
      const Function* function;
      const Tasks* tasks;
    } context = {&function, this};
    pool_.Run(
        count(),
        [](void* opaque, int task) {
          const Context& c = *static_cast<const Context*>(opaque);
          const int first = task * kImagesPerTask;
          const int images = std::min(kImagesPerTask, c.tasks->images_ - first);
          (*c.function)(task, first, images, task % c.tasks->threads());
        },
        &context);
  }

 private:
  int images_;
  ThreadPool pool_;
};

int Forward(const Arguments& arguments) {
  ConvReluPoolShape shape;
  if (arguments.count != 5 || !BlockShape(arguments, &shape) ||
      !arguments.Is(2, "int32", 1)) {
    return kWrongArguments;
  }
  const float* x = arguments.Data<float>(0);
  float* y = arguments.Data<float>(3);
  uint8_t* argmax = arguments.Data<uint8_t>(4);
  std::vector<float> packed(PackedConvWeightsSize(shape));
  PackConvWeights(shape, arguments.Data<float>(1), packed.data());
  Tasks tasks(arguments.Dim(0, 0), *arguments.Data<int32_t>(2));
  const size_t scratch_size = ConvReluPoolScratchSize(shape);
  std::vector<float> scratch(scratch_size *
                             static_cast<size_t>(tasks.threads()));
  tasks.Run([&](int, int first, int images, int thread) {
    const size_t offset = static_cast<size_t>(first);
    ConvReluPoolForward(
        shape, packed.data(), images, x + offset * shape.in_size(),
        y + offset * shape.out_size(), argmax + offset * shape.out_size(),
        &scratch[scratch_size * static_cast<size_t>(thread)]);
  });
  return kDone;
}

int Backward(const Arguments& arguments) {
  ConvReluPoolShape shape;
  if (arguments.count != 8 || !BlockShape(arguments, &shape) ||
      !arguments.Is(2, "float32", 4) || !arguments.Is(3, "uint8", 4) ||
      !arguments.Is(4, "float32", 4) || !arguments.Is(5, "int32", 1)) {
    return kWrongArguments;
  }
  const float* x = arguments.Data<float>(0);
  const float* weights = arguments.Data<float>(1);
  const float* y = arguments.Data<float>(2);
  const uint8_t* argmax = arguments.Data<uint8_t>(3);
  const float* dy = arguments.Data<float>(4);
  float* dx = arguments.Data<float>(6);
  float* dw = arguments.Data<float>(7);
  Tasks tasks(arguments.Dim(0, 0), *arguments.Data<int32_t>(5));
  const size_t scratch_size = ConvReluPoolScratchSize(shape);
  std::vector<float> scratch(scratch_size *
                             static_cast<size_t>(tasks.threads()));
  std::vector<float> partial(shape.weight_size() *
                             static_cast<size_t>(tasks.count()));
  tasks.Run([&](int task, int first, int images, int thread) {
    const size_t in = static_cast<size_t>(first) * shape.in_size();
    const size_t out = static_cast<size_t>(first) * shape.out_size();
    ConvReluPoolBackward(
        shape, weights, images, x + in, y + out, argmax + out, dy + out,
        dx + in, &partial[shape.weight_size() * static_cast<size_t>(task)],
        &scratch[scratch_size * static_cast<size_t>(thread)]);
  });
  std::fill_n(dw, shape.weight_size(), 0.0F);
  for (size_t i = 0; i < partial.size(); ++i) {
    dw[i % shape.weight_size()] += partial[i];
  }
  return kDone;
}

// Arguments of TrainSteps, in their order.
enum TrainArgument {
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
  kTrainArguments = kNewMoments + kLenetParameters,
};

bool CheckTrain(const Arguments& arguments) {
  return arguments.count == kTrainArguments &&
         arguments.Is(kImages, "uint8", 3) &&
         arguments.Is(kLabels, "int32", 1) &&
         arguments.Is(kNormalize, "float32", 1) &&
         arguments.Is(kOrder, "int32", 2) &&
         arguments.Is(kRates, "float32", 1) &&
         arguments.Is(kSteps, "int32", 1) &&
         arguments.Is(kMomentum, "float32", 1) &&
         arguments.Is(kThreads, "int32", 1) &&
         arguments.Dim(kLabels, 0) == arguments.Dim(kImages, 0) &&
         arguments.Dim(kNormalize, 0) == 256 &&
         arguments.Dim(kRates, 0) == arguments.Dim(kOrder, 0) &&
         *arguments.Data<int32_t>(kSteps) >= 0 &&
         *arguments.Data<int32_t>(kSteps) <= arguments.Dim(kOrder, 0);
}

int Train(const Arguments& arguments) {
  if (!CheckTrain(arguments)) return kWrongArguments;
  LenetParameters parameters;
  LenetParameters moments;
  for (int i = 0; i < kLenetParameters; ++i) {
    const size_t bytes =
        static_cast<size_t>(arguments.Size(kParameters + i)) * sizeof(float);
    const size_t at = static_cast<size_t>(i);
    parameters[at] = arguments.Data<float>(kNewParameters + i);
    moments[at] = arguments.Data<float>(kNewMoments + i);
    std::memcpy(parameters[at], arguments.data[kParameters + i], bytes);
    std::memcpy(moments[at], arguments.data[kMoments + i], bytes);
  }
  std::vector<Momentum> optimizers;
  for (int64_t i = 0; i < arguments.Dim(kRates, 0); ++i) {
    optimizers.push_back(
        {arguments.Data<float>(kRates)[i], *arguments.Data<float>(kMomentum)});
  }
  const TrainBatches batches = {
      arguments.Data<uint8_t>(kImages),
      arguments.Data<int32_t>(kLabels),
      arguments.Data<float>(kNormalize),
      arguments.Dim(kImages, 0),
      static_cast<int>(arguments.Dim(kImages, 1)),
      static_cast<int>(arguments.Dim(kImages, 2)),
      arguments.Data<int32_t>(kOrder),
      optimizers.data(),
      *arguments.Data<int32_t>(kSteps),
      static_cast<int>(arguments.Dim(kOrder, 1)),
  };
  float* losses = arguments.Data<float>(kLosses);
  std::fill_n(losses, arguments.Size(kLosses), 0.0F);
  return TrainLenet(batches, *arguments.Data<int32_t>(kThreads), parameters,
                    moments, losses)
             ? kDone
             : kWrongData;
}

}  // namespace
}  // namespace lenet::kernels

#define LENET_AOT_OPERATOR(name, function)                                  \
  extern "C" int name(int count, void** data, int* ndims, int64_t** shapes, \
                      const char** dtypes, void* /*stream*/,                \
                      void* /*extra*/) {                                    \
    return lenet::kernels::function({count, data, ndims, shapes, dtypes});  \
  }

// x [N, C, H, W], weights [O, C, 5, 5], threads [1] int32
// -> y [N, O, h, w], argmax uint8 like y.
LENET_AOT_OPERATOR(LenetConvReluPool, Forward)

// x, weights, y, argmax, dy, threads -> dx like x, dw like weights.
LENET_AOT_OPERATOR(LenetConvReluPoolGrad, Backward)

// images [N, H, W] uint8, labels [N] int32, normalize [256], order [K, B]
// int32, learning rates [K], steps [1] int32 (at most K), momentum [1],
// threads [1] int32, 8 parameters, 8 accumulators
// -> losses [K], 8 parameters, 8 accumulators.
LENET_AOT_OPERATOR(LenetTrainSteps, Train)

#undef LENET_AOT_OPERATOR
