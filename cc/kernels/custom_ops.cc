// The kernels as operators of MindSpore: functions of a shared library with the
// signature of ops.Custom(func_type="aot"). `data` holds the inputs, then the
// outputs. MindSpore reports any result but 0 as an error. lenet.kernels in
// Python declares the operators.

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/lenet_train.h"
#include "cc/kernels/thread_pool.h"
#include "cc/kernels/train_operator.h"

namespace lenet::kernels {
namespace {

constexpr int kDone = 0;
constexpr int kInvalidArguments = 1;
constexpr int kInvalidData = 2;
constexpr int kOutOfMemory = 3;

// Images per task. A constant, so that the sum of the weight gradients does not
// depend on the number of threads.
constexpr int kImagesPerTask = 4;

using Arguments = OperatorArguments;
using Dims = std::vector<int64_t>;

bool IsSide(int64_t size, int64_t least) {
  return size >= least && size <= kMaxSide;
}

// Reads the shape of a block from argument 0, the images, and argument 1, the
// weights. Returns false if they do not fit.
bool BlockShape(const Arguments& arguments, ConvReluPoolShape* shape) {
  if (!arguments.HasRank(0, "float32", 4) ||
      !arguments.HasRank(1, "float32", 4) || !IsSide(arguments.Dim(0, 1), 1) ||
      !IsSide(arguments.Dim(1, 0), 1) || !IsSide(arguments.Dim(0, 2), kPatch) ||
      !IsSide(arguments.Dim(0, 3), kPatch) ||
      !arguments.Is(1, "float32",
                    {arguments.Dim(1, 0), arguments.Dim(0, 1), kConvKernel,
                     kConvKernel})) {
    return false;
  }
  *shape = {static_cast<int>(arguments.Dim(0, 1)),
            static_cast<int>(arguments.Dim(0, 2)),
            static_cast<int>(arguments.Dim(0, 3)),
            static_cast<int>(arguments.Dim(1, 0))};
  return true;
}

// The shape of the output of a block, argument 0 being its images.
Dims OutputDims(const Arguments& arguments, const ConvReluPoolShape& shape) {
  return {arguments.Dim(0, 0), static_cast<int64_t>(shape.out_channels),
          static_cast<int64_t>(shape.out_height()),
          static_cast<int64_t>(shape.out_width())};
}

Dims DimsOf(const Arguments& arguments, int index) {
  return Dims(arguments.shapes[index],
              arguments.shapes[index] + arguments.ndims[index]);
}

// The threads of the operators, kept between calls. One operator at a time.
class SharedPool {
 public:
  explicit SharedPool(int threads) : lock_(mutex_) {
    if (pool_ != nullptr && pool_->threads() == threads) return;
    pool_.reset();
    pool_ = std::make_unique<ThreadPool>(threads);
  }
  ThreadPool* get() const { return pool_.get(); }

 private:
  static std::mutex mutex_;
  static std::unique_ptr<ThreadPool> pool_;
  const std::lock_guard<std::mutex> lock_;
};

std::mutex SharedPool::mutex_;
std::unique_ptr<ThreadPool> SharedPool::pool_;

int TaskCount(int64_t images) {
  return static_cast<int>((images + kImagesPerTask - 1) / kImagesPerTask);
}

// Calls function(task, first image, images, scratch memory) for each task.
template <typename Function>
int RunTasks(const ConvReluPoolShape& shape, int64_t images, int threads,
             const Function& function) {
  const int tasks = TaskCount(images);
  const SharedPool pool(std::clamp(tasks, 1, ThreadCount(threads)));
  std::vector<hwy::AlignedFreeUniquePtr<float[]>> scratch;  // one per thread
  for (int i = 0; i < pool.get()->threads(); ++i) {
    scratch.push_back(
        hwy::AllocateAligned<float>(ConvReluPoolScratchSize(shape)));
    if (scratch.back() == nullptr) return kOutOfMemory;
  }
  pool.get()->Run(tasks, [&](int task, int thread) {
    const int first = task * kImagesPerTask;
    function(static_cast<size_t>(task), static_cast<size_t>(first),
             std::min(kImagesPerTask, static_cast<int>(images) - first),
             scratch[static_cast<size_t>(thread)].get());
  });
  return kDone;
}

int Forward(const Arguments& arguments) {
  ConvReluPoolShape shape;
  if (arguments.count != 5 || !BlockShape(arguments, &shape) ||
      !arguments.Is(2, "int32", {1}) ||
      !arguments.Is(3, "float32", OutputDims(arguments, shape)) ||
      !arguments.Is(4, "uint8", OutputDims(arguments, shape))) {
    return kInvalidArguments;
  }
  const float* const x = arguments.Data<float>(0);
  float* const y = arguments.Data<float>(3);
  uint8_t* const argmax = arguments.Data<uint8_t>(4);
  std::vector<float> packed(PackedConvWeightsSize(shape));
  PackConvWeights(shape, arguments.Data<float>(1), packed.data());
  return RunTasks(shape, arguments.Dim(0, 0), *arguments.Data<int32_t>(2),
                  [&](size_t, size_t first, int images, float* scratch) {
                    const size_t out = first * shape.out_size();
                    ConvReluPoolForward(shape, packed.data(), images,
                                        x + first * shape.in_size(), y + out,
                                        argmax + out, scratch);
                  });
}

int Backward(const Arguments& arguments) {
  ConvReluPoolShape shape;
  if (arguments.count != 8 || !BlockShape(arguments, &shape) ||
      !arguments.Is(2, "float32", OutputDims(arguments, shape)) ||
      !arguments.Is(3, "uint8", OutputDims(arguments, shape)) ||
      !arguments.Is(4, "float32", OutputDims(arguments, shape)) ||
      !arguments.Is(5, "int32", {1}) ||
      !arguments.Is(6, "float32", DimsOf(arguments, 0)) ||
      !arguments.Is(7, "float32", DimsOf(arguments, 1))) {
    return kInvalidArguments;
  }
  const float* const x = arguments.Data<float>(0);
  const float* const y = arguments.Data<float>(2);
  const uint8_t* const argmax = arguments.Data<uint8_t>(3);
  const float* const dy = arguments.Data<float>(4);
  float* const dx = arguments.Data<float>(6);
  float* const dw = arguments.Data<float>(7);
  const size_t size = ConvRowsSize(shape);
  const int parts = std::max(1, TaskCount(arguments.Dim(0, 0)));
  std::vector<float> rows(size);
  std::vector<float> d_rows(size * static_cast<size_t>(parts));
  PackConvRows(shape, arguments.Data<float>(1), rows.data());
  const int status =
      RunTasks(shape, arguments.Dim(0, 0), *arguments.Data<int32_t>(5),
               [&](size_t task, size_t first, int images, float* scratch) {
                 const size_t in = first * shape.in_size();
                 const size_t out = first * shape.out_size();
                 ConvReluPoolBackward(shape, rows.data(), images, x + in,
                                      y + out, argmax + out, dy + out, dx + in,
                                      &d_rows[size * task], scratch);
               });
  SumConvRows(shape, parts, d_rows.data(), dw);
  return status;
}

int Train(const Arguments& arguments) {
  TrainCall call;
  if (ReadTrainCall(arguments, &call) >= 0) return kInvalidArguments;
  const SharedPool pool(
      UsefulTrainThreads(call.batches, ThreadCount(call.threads)));
  return TrainLenet(call.batches, call.parameters, call.moments, call.losses,
                    pool.get())
             ? kDone
             : kInvalidData;
}

// No exception may cross extern "C".
template <typename Function>
int Call(const Function& function, const Arguments& arguments) noexcept {
  try {
    return function(arguments);
  } catch (...) {
    // The kernels throw nothing themselves; a container had no memory.
    return kOutOfMemory;
  }
}

}  // namespace
}  // namespace lenet::kernels

#define LENET_AOT_OPERATOR(name, function)                                  \
  extern "C" int name(int count, void** data, int* ndims, int64_t** shapes, \
                      const char** dtypes, void* /*stream*/,                \
                      void* /*extra*/) {                                    \
    return lenet::kernels::Call(lenet::kernels::function,                   \
                                {count, data, ndims, shapes, dtypes});      \
  }

// x [N, C, H, W], weights [O, C, 5, 5], threads [1] int32
// -> y [N, O, h, w], argmax uint8 like y.
LENET_AOT_OPERATOR(LenetConvReluPool, Forward)

// x, weights, y, argmax, dy, threads -> dx like x, dw like weights.
LENET_AOT_OPERATOR(LenetConvReluPoolGrad, Backward)

// See ReadTrainCall.
LENET_AOT_OPERATOR(LenetTrainSteps, Train)

#undef LENET_AOT_OPERATOR
