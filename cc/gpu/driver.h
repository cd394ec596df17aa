#ifndef CC_GPU_DRIVER_H_
#define CC_GPU_DRIVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/gpu/cuda_types.h"
#include "cc/gpu/kernel_plan.h"

namespace lenet::gpu {

// A pointer per function of libcuda.so.1, named like the function.
// An optional function that the library lacks is null.
struct DriverFunctions {
#define CUDA_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#define CUDA_OPTIONAL_FUNCTION CUDA_FUNCTION
#include "cc/gpu/cuda_functions.inc"
};

// Returns the error of a call as one line: what could not be done, NVIDIA's
// text and name, and what to do next. ResourceExhausted if the card's memory
// is used up, Aborted for all other errors.
absl::Status ToStatus(const DriverFunctions& cuda, CUresult result,
                      absl::string_view action);

// One NVIDIA card, opened by the driver's own library. A thread calls Enter
// before it calls other functions for this card.
class Driver {
 public:
  // Opens card `index`. `library` is a file name or path for dlopen.
  // Unavailable, with a remedy, if there is no driver or no such card, or if
  // the driver or the card is too old.
  static absl::StatusOr<std::unique_ptr<const Driver>> Open(
      const std::string& library, int index);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  absl::Status Enter() const;

  const DriverFunctions& cuda() const { return cuda_; }
  const std::string& name() const { return name_; }  // of the card
  const Card& card() const { return card_; }

 private:
  explicit Driver(const DriverFunctions& cuda) : cuda_(cuda) {}

  absl::Status OpenCard(int index);

  const DriverFunctions cuda_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  std::string name_;
  Card card_ = {};
};

// Memory of a card, freed by the destructor. Its content is undefined at first.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  ~DeviceMemory() { Free(); }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  // Makes the memory at least `bytes` large; its content is lost if it grows.
  absl::Status Reserve(const Driver& driver, size_t bytes);

  // Reserves `bytes` bytes and copies them from the host.
  absl::Status Assign(const Driver& driver, const void* from, size_t bytes);

  // Copies the first `bytes` bytes to the host.
  absl::Status CopyTo(void* to, size_t bytes) const;

  // Returns the address on the card.
  template <typename T>
  T* Get() const {
    return reinterpret_cast<T*>(pointer_);
  }

 private:
  void Free();

  const Driver* driver_ = nullptr;
  CUdeviceptr pointer_ = 0;
  size_t bytes_ = 0;
};

}  // namespace lenet::gpu

#endif  // CC_GPU_DRIVER_H_
