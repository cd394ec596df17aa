// Training on a GPU for Python: an operator of MindSpore's CPU backend, with
// the signature of ops.Custom(func_type="aot"), and C functions for ctypes.

#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/gpu/trainer.h"
#include "cc/kernels/train_operator.h"

namespace lenet::gpu {
namespace {

// The card, one call at a time. Never destroyed, because the driver's library
// ends before static objects do.
struct State {
  std::mutex mutex;
  std::unique_ptr<Trainer> trainer;
  std::string error;  // of the last operator call
};

State& GetState() {
  static State& state = *new State;
  return state;
}

// Calls function(state), which returns a Status. No exception may cross
// extern "C".
template <typename Function>
absl::Status Call(const Function& function) noexcept {
  try {
    State& state = GetState();
    const std::lock_guard<std::mutex> lock(state.mutex);
    return function(&state);
  } catch (const std::exception& e) {
    return absl::InternalError(e.what());
  }
}

int Report(const absl::Status& status, char* message, int size) {
  if (!status.ok() && size > 0) {
    std::snprintf(message, static_cast<size_t>(size), "%s",
                  std::string(status.message()).c_str());
  }
  return ExitCode(status);
}

absl::StatusOr<Trainer*> OpenTrainer(const State& state) {
  if (state.trainer != nullptr) return state.trainer.get();
  return absl::FailedPreconditionError("GPU: call LenetGpuOpen first");
}

absl::Status Train(const kernels::OperatorArguments& arguments,
                   const State& state) {
  LENET_ASSIGN_OR_RETURN(Trainer* const trainer, OpenTrainer(state));
  kernels::TrainCall call;
  const int wrong = ReadTrainCall(arguments, &call);
  if (wrong >= 0) {
    return InvalidArgument("LenetGpuTrainSteps: argument ", wrong, " of ",
                           arguments.count, " has a wrong type or shape");
  }
  return trainer->Train(call.batches, call.parameters, call.moments,
                        call.losses);
}

}  // namespace
}  // namespace lenet::gpu

// Opens a card for images of a size, compiles its kernels or reads them from
// the cache, and compares a few steps with the reference. Later calls of the
// functions below use this card. See TrainerOptions for the arguments. Call it
// before each training run, because images stay on the card.
//
// Returns 0, or an exit code (see cc/base/error.h) with a one-line message of
// at most message_size - 1 bytes. With 0 the message is a warning or "".
extern "C" int LenetGpuOpen(int device_id, const char* nvrtc_folder,
                            const char* cache_folder, int height, int width,
                            char* message, int message_size) {
  using namespace lenet::gpu;  // NOLINT(google-build-using-namespace)
  if (message_size > 0) message[0] = '\0';
  const absl::Status status = Call([&](State* state) {
    state->trainer.reset();  // frees the memory of the card
    LENET_ASSIGN_OR_RETURN(
        state->trainer,
        Trainer::Open({device_id, nvrtc_folder, cache_folder, height, width}));
    if (message_size > 0) {
      std::snprintf(message, static_cast<size_t>(message_size), "%s",
                    state->trainer->warning().c_str());
    }
    return absl::OkStatus();
  });
  return Report(status, message, message_size);
}

// Computes logits [count, 10] of images [count, height, width]; see
// Trainer::Forward. Returns like LenetGpuOpen.
extern "C" int LenetGpuForward(const uint8_t* images, int64_t count,
                               const float* normalize,
                               const float* const* parameters, float* logits,
                               char* message, int message_size) {
  using namespace lenet::gpu;  // NOLINT(google-build-using-namespace)
  const absl::Status status = Call([&](State* state) -> absl::Status {
    LENET_ASSIGN_OR_RETURN(Trainer* const trainer, OpenTrainer(*state));
    return trainer->Forward(images, count, normalize, parameters, logits);
  });
  return Report(status, message, message_size);
}

// Returns the message of the last failed call of LenetGpuTrainSteps, valid
// until the next one.
extern "C" const char* LenetGpuError() {
  return lenet::gpu::GetState().error.c_str();
}

// Operator; see ReadTrainCall. Returns 0 or an exit code.
extern "C" int LenetGpuTrainSteps(int count, void** data, int* ndims,
                                  int64_t** shapes, const char** dtypes,
                                  void* /*stream*/, void* /*extra*/) {
  using namespace lenet::gpu;  // NOLINT(google-build-using-namespace)
  absl::Status status = Call([&](State* state) {
    return Train({count, data, ndims, shapes, dtypes}, *state);
  });
  if (status.ok()) return 0;
  return lenet::ExitCode(Call([&](State* state) {
    state->error = std::string(status.message());
    return status;
  }));
}
