#include "cc/gpu/trainer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/gpu/check.h"
#include "cc/gpu/compiler.h"
#include "cc/gpu/kernel_arguments.h"
#include "cc/gpu/kernel_source.h"

namespace lenet::gpu {
namespace {

using kernels::LenetParameters;
using kernels::TrainBatches;

// The self-check at each start.
constexpr int kCheckBatch = 4;
constexpr int kCheckSteps = 3;

constexpr int64_t kMaxForward = 1 << 21;

// Words of TrainArguments::barrier.
constexpr size_t kBarrierWords = 64;

// One pixel in kSampleStep is compared to recognise a training set.
constexpr size_t kSampleStep = 65521;

size_t Size(int64_t count) { return static_cast<size_t>(count); }

absl::Status CheckOrder(const TrainBatches& batches) {
  const size_t indices = Size(batches.steps) * Size(batches.batch);
  for (size_t i = 0; i < indices; ++i) {
    if (batches.order[i] < 0 || batches.order[i] >= batches.count) {
      return InvalidArgument("image index ", batches.order[i],
                             " is not below the number of images, ",
                             batches.count);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Open(
    const TrainerOptions& options) {
  std::string warning;
  for (const bool allow_clusters : {true, false}) {
    std::unique_ptr<Trainer> trainer(new Trainer(options, allow_clusters));
    absl::Status status = trainer->OpenCard();
    const bool opened = status.ok();
    if (opened) {
      status = CheckCard(
          {options.height, options.width, kCheckBatch, kCheckSteps}, &*trainer);
    }
    if (status.ok()) {
      if (!warning.empty()) trainer->warning_ = warning;
      return trainer;
    }
    // A driver or a partition of a card may lack clusters.
    if (absl::IsAborted(status) && trainer->plan_.config.cluster > 1) {
      warning = absl::StrCat("slower, without thread-block clusters: ",
                             std::string(status.message()));
      continue;
    }
    if (absl::IsResourceExhausted(status) ||
        (absl::IsAborted(status) && !opened)) {
      return absl::UnavailableError(status.message());
    }
    return status;
  }
  return absl::InternalError("no plan without clusters");
}

Trainer::~Trainer() {
  // Memory is freed in the context of this thread.
  if (driver_ != nullptr) driver_->Enter().IgnoreError();
}

absl::Status Trainer::OpenCard() {
  LENET_ASSIGN_OR_RETURN(driver_,
                         Driver::Open(options_.driver, options_.device));
  for (CUevent* event : {&start_, &end_}) {
    LENET_RETURN_IF_ERROR(ToStatus(driver_->cuda(),
                                   driver_->cuda().cuEventCreate(event, 0),
                                   "create an event"));
  }
  Card card = driver_->card();
  card.has_clusters = card.has_clusters && allow_clusters_;
  LENET_ASSIGN_OR_RETURN(plan_,
                         PlanKernel(card, options_.height, options_.width));
  LENET_RETURN_IF_ERROR(LoadKernels());
  return LimitBlocks();
}

absl::Status Trainer::LoadKernels() {
  LENET_ASSIGN_OR_RETURN(const Compiler compiler,
                         Compiler::Open(options_.nvrtc_folder));
  LENET_ASSIGN_OR_RETURN(
      const Program program,
      compiler.CompileCached(options_.cache_folder, kKernelSource,
                             driver_->card().capability,
                             plan_.compile_options));
  warning_ = program.warning;
  const DriverFunctions& cuda = driver_->cuda();
  const auto check = [&cuda](CUresult result) {
    return ToStatus(cuda, result, "load the kernels");
  };
  CUmodule module = nullptr;
  LENET_RETURN_IF_ERROR(
      check(cuda.cuModuleLoadData(&module, program.code.c_str())));
  const std::pair<CUfunction*, const char*> kernels[] = {
      {&train_, "LenetTrain"}, {&forward_, "LenetForward"}};
  for (const auto& [function, name] : kernels) {
    LENET_RETURN_IF_ERROR(
        check(cuda.cuModuleGetFunction(function, module, name)));
    LENET_RETURN_IF_ERROR(check(cuda.cuFuncSetAttribute(
        *function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
        plan_.dynamic_shared_bytes)));
  }
  return absl::OkStatus();
}

// Blocks of a cooperative launch must run at the same time. Clusters do not
// fit on all processors: an H100 has 132, but often room for 32 clusters of 4.
absl::Status Trainer::LimitBlocks() {
  const int cluster = plan_.config.cluster;
  if (cluster == 1) return absl::OkStatus();
  CUlaunchConfig config = {};
  config.gridDimX = static_cast<unsigned>(plan_.blocks);
  config.gridDimY = 1;
  config.gridDimZ = 1;
  config.blockDimX = kThreads;
  config.blockDimY = 1;
  config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(plan_.dynamic_shared_bytes);
  for (CUfunction kernel : {train_, forward_}) {
    int clusters = 0;
    LENET_RETURN_IF_ERROR(ToStatus(driver_->cuda(),
                                   driver_->cuda().cuOccupancyMaxActiveClusters(
                                       &clusters, kernel, &config),
                                   "count thread-block clusters"));
    if (clusters == 0) {
      return absl::AbortedError("GPU: the card runs no thread-block clusters");
    }
    plan_.blocks = std::min(plan_.blocks, cluster * clusters);
  }
  return absl::OkStatus();
}

absl::Status Trainer::Train(const TrainBatches& batches,
                            const LenetParameters& parameters,
                            const LenetParameters& moments, float* losses) {
  if (batches.height != options_.height || batches.width != options_.width) {
    return InvalidArgument("images are ", batches.height, "x", batches.width,
                           ", but the card was opened for ", options_.height,
                           "x", options_.width);
  }
  if (batches.steps <= 0) return absl::OkStatus();
  LENET_RETURN_IF_ERROR(CheckOrder(batches));
  LENET_RETURN_IF_ERROR(driver_->Enter());
  LENET_RETURN_IF_ERROR(CopyTrainingSet(batches));
  LENET_RETURN_IF_ERROR(CopyParameters(parameters.data(), moments.data()));
  const size_t steps = Size(batches.steps);
  LENET_RETURN_IF_ERROR(
      normalize_.Assign(*driver_, batches.normalize, 256 * sizeof(float)));
  LENET_RETURN_IF_ERROR(order_.Assign(
      *driver_, batches.order, steps * Size(batches.batch) * sizeof(int32_t)));
  LENET_RETURN_IF_ERROR(optimizers_.Assign(*driver_, batches.optimizers,
                                           steps * sizeof(kernels::Momentum)));
  LENET_RETURN_IF_ERROR(losses_.Reserve(*driver_, steps * sizeof(float)));
  LENET_RETURN_IF_ERROR(workspace_.Reserve(
      *driver_, WorkspaceFloats(plan_.config, batches.batch) * sizeof(float)));
  const std::array<unsigned, kBarrierWords> zeros = {};
  LENET_RETURN_IF_ERROR(barrier_.Assign(*driver_, zeros.data(), sizeof(zeros)));

  TrainArguments arguments = {};
  arguments.images = training_set_.images.Get<unsigned char>();
  arguments.labels = training_set_.device_labels.Get<int>();
  arguments.normalize = normalize_.Get<float>();
  arguments.order = order_.Get<int>();
  arguments.optimizers = optimizers_.Get<float>();
  arguments.steps = batches.steps;
  arguments.batch = batches.batch;
  arguments.parameters = state_.Get<float>();
  arguments.moments = state_.Get<float>() + ParameterCount();
  arguments.losses = losses_.Get<float>();
  arguments.workspace = workspace_.Get<float>();
  arguments.barrier = barrier_.Get<unsigned>();
  LENET_RETURN_IF_ERROR(Launch(train_, &arguments));
  return CopyResults(steps, parameters, moments, losses);
}

absl::Status Trainer::Forward(const uint8_t* images, int64_t count,
                              const float* normalize,
                              const float* const* parameters, float* logits) {
  if (count < 1 || count >= kMaxForward) {
    return InvalidArgument("GPU: ", count, " images in one call");
  }
  LENET_RETURN_IF_ERROR(driver_->Enter());
  const size_t pixels = Size(options_.height) * Size(options_.width);
  const size_t logit_bytes = Size(count) * kClasses * sizeof(float);
  LENET_RETURN_IF_ERROR(CopyParameters(parameters, nullptr));
  LENET_RETURN_IF_ERROR(
      normalize_.Assign(*driver_, normalize, 256 * sizeof(float)));
  LENET_RETURN_IF_ERROR(images_.Assign(*driver_, images, Size(count) * pixels));
  LENET_RETURN_IF_ERROR(logits_.Reserve(*driver_, logit_bytes));
  ForwardArguments arguments = {};
  arguments.images = images_.Get<unsigned char>();
  arguments.normalize = normalize_.Get<float>();
  arguments.parameters = state_.Get<float>();
  arguments.count = static_cast<int>(count);
  arguments.logits = logits_.Get<float>();
  LENET_RETURN_IF_ERROR(Launch(forward_, &arguments));
  return logits_.CopyTo(logits, logit_bytes);
}

absl::Status Trainer::Launch(CUfunction kernel, void* arguments) {
  const DriverFunctions& cuda = driver_->cuda();
  const auto check = [&cuda](CUresult result) {
    return ToStatus(cuda, result, "run a kernel");
  };
  LENET_RETURN_IF_ERROR(check(cuda.cuEventRecord(start_, nullptr)));
  LENET_RETURN_IF_ERROR(check(cuda.cuLaunchCooperativeKernel(
      kernel, static_cast<unsigned>(plan_.blocks), 1, 1, kThreads, 1, 1,
      static_cast<unsigned>(plan_.dynamic_shared_bytes), nullptr, &arguments)));
  LENET_RETURN_IF_ERROR(check(cuda.cuEventRecord(end_, nullptr)));
  LENET_RETURN_IF_ERROR(check(cuda.cuCtxSynchronize()));
  return check(cuda.cuEventElapsedTime(&kernel_milliseconds_, start_, end_));
}

absl::Status Trainer::CopyTrainingSet(const TrainBatches& batches) {
  const size_t bytes =
      Size(batches.count) * Size(batches.height) * Size(batches.width);
  std::vector<uint8_t> sample;
  for (size_t i = 0; i < bytes; i += kSampleStep) {
    sample.push_back(batches.images[i]);
  }
  const int32_t* const labels = batches.labels;
  TrainingSet& set = training_set_;
  if (set.address == batches.images && set.sample == sample &&
      std::equal(set.labels.begin(), set.labels.end(), labels,
                 labels + batches.count)) {
    return absl::OkStatus();
  }
  for (int64_t i = 0; i < batches.count; ++i) {
    if (labels[i] < 0 || labels[i] > 9) {
      return InvalidArgument("label ", labels[i], " of image ", i,
                             " is not 0 to 9");
    }
  }
  set.address = nullptr;  // until all is copied
  LENET_RETURN_IF_ERROR(set.images.Assign(*driver_, batches.images, bytes));
  LENET_RETURN_IF_ERROR(set.device_labels.Assign(
      *driver_, labels, Size(batches.count) * sizeof(int32_t)));
  set.labels.assign(labels, labels + batches.count);
  set.sample = std::move(sample);
  set.address = batches.images;
  return absl::OkStatus();
}

int Trainer::FeatureCount() const {
  return Features(options_.height, options_.width);
}

// Includes the gaps between the arrays; see kernel_arguments.h.
size_t Trainer::ParameterCount() const {
  return Size(ParameterOffset(kArrays, FeatureCount()));
}

absl::Status Trainer::CopyParameters(const float* const* parameters,
                                     const float* const* moments) {
  std::vector<float> state(2 * ParameterCount());
  for (int i = 0; i < kArrays; ++i) {
    const size_t size = Size(ParameterSize(i, FeatureCount()));
    float* const to = &state[Size(ParameterOffset(i, FeatureCount()))];
    std::copy_n(parameters[i], size, to);
    if (moments != nullptr) {
      std::copy_n(moments[i], size, to + ParameterCount());
    }
  }
  return state_.Assign(*driver_, state.data(), state.size() * sizeof(float));
}

absl::Status Trainer::CopyResults(size_t steps,
                                  const LenetParameters& parameters,
                                  const LenetParameters& moments,
                                  float* losses) {
  std::vector<float> state(2 * ParameterCount());
  LENET_RETURN_IF_ERROR(
      state_.CopyTo(state.data(), state.size() * sizeof(float)));
  LENET_RETURN_IF_ERROR(losses_.CopyTo(losses, steps * sizeof(float)));
  for (int i = 0; i < kArrays; ++i) {
    const size_t size = Size(ParameterSize(i, FeatureCount()));
    const float* const from = &state[Size(ParameterOffset(i, FeatureCount()))];
    std::copy_n(from, size, parameters[Size(i)]);
    std::copy_n(from + ParameterCount(), size, moments[Size(i)]);
  }
  return absl::OkStatus();
}

}  // namespace lenet::gpu
