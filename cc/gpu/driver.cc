#include "cc/gpu/driver.h"

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/base/shared_library.h"

namespace lenet::gpu {
namespace {

constexpr char kRemedy[] =
    "install NVIDIA's driver (nvidia-smi shows it) or use --device_target=CPU";

// NVRTC 11.8 compiles for drivers of CUDA 11.0 (450.80) and newer.
constexpr int kMinDriver = 11000;
constexpr int kMinCapability = 60;
constexpr int kMinClusterCapability = 90;

const char* Hint(CUresult result) {
  switch (result) {
    case CUDA_ERROR_OUT_OF_MEMORY:
      return "nvidia-smi shows which programs use the card's memory; end them "
             "or use --device_target=CPU";
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
      return "another program uses the card exclusively; nvidia-smi shows it";
    case CUDA_ERROR_NO_DEVICE:
      return "nvidia-smi lists the cards, CUDA_VISIBLE_DEVICES may hide them; "
             "or use --device_target=CPU";
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
      return "update NVIDIA's driver";
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    case CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE:
      return "the card has too few free processors; end other programs on it "
             "(nvidia-smi shows them) or use --device_target=CPU";
    case CUDA_ERROR_SYSTEM_NOT_READY:
      return "start NVIDIA's fabric manager (systemctl start "
             "nvidia-fabricmanager)";
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
      return "the driver was updated while it was loaded; restart the machine";
    default:
      return "the system's log names the cause (dmesg | grep -i xid); start "
             "again, training with --resume, or use --device_target=CPU";
  }
}

template <typename Function>
const char* Text(Function* get, CUresult result) {
  const char* text = nullptr;
  return get(result, &text) == CUDA_SUCCESS && text != nullptr ? text
                                                               : "unknown";
}

}  // namespace

absl::Status ToStatus(const DriverFunctions& cuda, CUresult result,
                      absl::string_view action) {
  if (result == CUDA_SUCCESS) return absl::OkStatus();
  return absl::Status(result == CUDA_ERROR_OUT_OF_MEMORY
                          ? absl::StatusCode::kResourceExhausted
                          : absl::StatusCode::kAborted,
                      absl::StrCat("GPU: cannot ", action, ": ",
                                   Text(cuda.cuGetErrorString, result), " (",
                                   Text(cuda.cuGetErrorName, result), " ",
                                   int64_t{result}, "); ", Hint(result)));
}

absl::StatusOr<std::unique_ptr<const Driver>> Driver::Open(
    const std::string& library_name, int index) {
  LENET_ASSIGN_OR_RETURN(SharedLibrary library,
                         SharedLibrary::Open(library_name, kRemedy));
  DriverFunctions cuda;
#define CUDA_FUNCTION(result, name, parameters) \
  library.Find(#name, true, &cuda.name);
#define CUDA_OPTIONAL_FUNCTION(result, name, parameters) \
  library.Find(#name, false, &cuda.name);
#include "cc/gpu/cuda_functions.inc"
  LENET_RETURN_IF_ERROR(library.Complete("NVIDIA's driver"));
  std::unique_ptr<Driver> driver(new Driver(cuda));
  const absl::Status opened = driver->OpenCard(index);
  if (!opened.ok()) return absl::UnavailableError(opened.message());
  return driver;
}

absl::Status Driver::OpenCard(int index) {
  LENET_RETURN_IF_ERROR(ToStatus(cuda_, cuda_.cuInit(0), "start the driver"));
  int version = 0;
  LENET_RETURN_IF_ERROR(ToStatus(cuda_, cuda_.cuDriverGetVersion(&version),
                                 "read the driver's version"));
  if (version < kMinDriver) {
    return absl::UnavailableError(absl::StrCat(
        "GPU: the driver supports CUDA ", version / 1000, ".",
        version % 1000 / 10, ", but 11.0 is needed; update NVIDIA's driver to ",
        "450.80 or newer, or use --device_target=CPU"));
  }
  int count = 0;
  LENET_RETURN_IF_ERROR(
      ToStatus(cuda_, cuda_.cuDeviceGetCount(&count), "count the cards"));
  if (count == 0) {
    return ToStatus(cuda_, CUDA_ERROR_NO_DEVICE, "find a card");
  }
  if (index < 0 || index >= count) {
    return absl::UnavailableError(
        absl::StrCat("GPU: there is no card ", index,
                     "; choose --device_id from 0 to ", count - 1));
  }
  const std::string action = absl::StrCat("open card ", index);
  LENET_RETURN_IF_ERROR(
      ToStatus(cuda_, cuda_.cuDeviceGet(&device_, index), action));
  char name[256] = "";
  LENET_RETURN_IF_ERROR(ToStatus(
      cuda_, cuda_.cuDeviceGetName(name, sizeof(name) - 1, device_), action));
  name_ = name;
  int major = 0;
  int minor = 0;
  int cooperative = 0;
  const std::pair<CUdevice_attribute, int*> attributes[] = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &major},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &minor},
      {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, &cooperative},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &card_.processors},
      {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
       &card_.max_shared_memory},
  };
  for (const auto& [attribute, value] : attributes) {
    LENET_RETURN_IF_ERROR(ToStatus(
        cuda_, cuda_.cuDeviceGetAttribute(value, attribute, device_), action));
  }
  card_.capability = 10 * major + minor;
  card_.has_clusters = card_.capability >= kMinClusterCapability &&
                       cuda_.cuOccupancyMaxActiveClusters != nullptr;
  if (card_.capability < kMinCapability || cooperative == 0) {
    return absl::UnavailableError(absl::StrCat(
        "GPU: ", name_, " has compute capability ", major, ".", minor,
        cooperative == 0 ? " without cooperative launches" : "",
        "; 6.0 or newer with cooperative launches is needed, so use another "
        "card (--device_id) or --device_target=CPU"));
  }
  LENET_RETURN_IF_ERROR(ToStatus(
      cuda_, cuda_.cuDevicePrimaryCtxRetain(&context_, device_), action));
  return Enter();
}

Driver::~Driver() {
  if (context_ != nullptr) cuda_.cuDevicePrimaryCtxRelease_v2(device_);
}

absl::Status Driver::Enter() const {
  return ToStatus(cuda_, cuda_.cuCtxSetCurrent(context_), "use the card");
}

absl::Status DeviceMemory::Reserve(const Driver& driver, size_t bytes) {
  if (bytes <= bytes_) return absl::OkStatus();
  Free();
  absl::Status allocated =
      ToStatus(driver.cuda(), driver.cuda().cuMemAlloc_v2(&pointer_, bytes),
               absl::StrCat("allocate ", bytes, " bytes on the card"));
  if (!allocated.ok()) return allocated;
  driver_ = &driver;
  bytes_ = bytes;
  return absl::OkStatus();
}

absl::Status DeviceMemory::Assign(const Driver& driver, const void* from,
                                  size_t bytes) {
  LENET_RETURN_IF_ERROR(Reserve(driver, bytes));
  return ToStatus(driver.cuda(),
                  driver.cuda().cuMemcpyHtoD_v2(pointer_, from, bytes),
                  "copy to the card");
}

absl::Status DeviceMemory::CopyTo(void* to, size_t bytes) const {
  const DriverFunctions& cuda = driver_->cuda();
  return ToStatus(cuda, cuda.cuMemcpyDtoH_v2(to, pointer_, bytes),
                  "copy from the card");
}

void DeviceMemory::Free() {
  if (bytes_ != 0) driver_->cuda().cuMemFree_v2(pointer_);
  pointer_ = 0;
  bytes_ = 0;
}

}  // namespace lenet::gpu
