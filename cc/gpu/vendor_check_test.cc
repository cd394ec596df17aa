// Compares the declarations of CUDA and NVRTC with NVIDIA's headers at compile
// time.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <type_traits>

#include "cuda.h"
#include "gtest/gtest.h"
#include "nvrtc.h"

// The global names are NVIDIA's.
namespace ours {
#include "cc/gpu/cuda_types.h"
}  // namespace ours

namespace {

#define CHECK_FUNCTION(result, name, parameters)                         \
  static_assert(std::is_same_v<decltype(&::name), result(*) parameters>, \
                #name " differs from NVIDIA's prototype");
#define CUDA_FUNCTION CHECK_FUNCTION
#define CUDA_OPTIONAL_FUNCTION CHECK_FUNCTION
#define NVRTC_FUNCTION CHECK_FUNCTION
#include "cc/gpu/cuda_functions.inc"

#define CHECK_CONSTANT(name)                                         \
  static_assert(static_cast<int64_t>(::name) == int64_t{ours::name}, \
                #name " differs from NVIDIA's")
CHECK_CONSTANT(CUDA_SUCCESS);
CHECK_CONSTANT(CUDA_ERROR_OUT_OF_MEMORY);
CHECK_CONSTANT(CUDA_ERROR_DEVICE_UNAVAILABLE);
CHECK_CONSTANT(CUDA_ERROR_NO_DEVICE);
CHECK_CONSTANT(CUDA_ERROR_NO_BINARY_FOR_GPU);
CHECK_CONSTANT(CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
CHECK_CONSTANT(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
CHECK_CONSTANT(CUDA_ERROR_LAUNCH_FAILED);
CHECK_CONSTANT(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
CHECK_CONSTANT(CUDA_ERROR_SYSTEM_NOT_READY);
CHECK_CONSTANT(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH);
CHECK_CONSTANT(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
CHECK_CONSTANT(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
CHECK_CONSTANT(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
CHECK_CONSTANT(CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH);
CHECK_CONSTANT(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
CHECK_CONSTANT(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
CHECK_CONSTANT(NVRTC_SUCCESS);

// Types passed by value.
template <typename Theirs, typename Ours>
constexpr bool kSameEnum =
    std::is_enum_v<Theirs>&& std::is_enum_v<Ours>&& std::is_same_v<
        std::underlying_type_t<Theirs>, std::underlying_type_t<Ours>>;

#define CHECK_ENUM(name)                             \
  static_assert(kSameEnum<::name, ours::name>, #name \
                " differs in size or "               \
                "sign")
CHECK_ENUM(CUresult);
CHECK_ENUM(CUdevice_attribute);
CHECK_ENUM(CUfunction_attribute);
CHECK_ENUM(nvrtcResult);

static_assert(std::is_same_v<::CUdevice, ours::CUdevice>);
static_assert(std::is_same_v<::CUdeviceptr, ours::CUdeviceptr>);

// Handles.
#define CHECK_POINTER(name)                                                   \
  static_assert(std::is_pointer_v<::name> && std::is_pointer_v<::ours::name>, \
                #name " differs from NVIDIA's handle")
CHECK_POINTER(CUcontext);
CHECK_POINTER(CUmodule);
CHECK_POINTER(CUfunction);
CHECK_POINTER(CUstream);
CHECK_POINTER(CUevent);
CHECK_POINTER(nvrtcProgram);

// The struct that the library reads.
static_assert(sizeof(::CUlaunchConfig) == sizeof(ours::CUlaunchConfig));
#define CHECK_MEMBER(member)                                      \
  static_assert(offsetof(::CUlaunchConfig, member) ==             \
                        offsetof(ours::CUlaunchConfig, member) && \
                    sizeof(::CUlaunchConfig::member) ==           \
                        sizeof(ours::CUlaunchConfig::member),     \
                "CUlaunchConfig." #member " has another offset or size")
CHECK_MEMBER(gridDimX);
CHECK_MEMBER(gridDimY);
CHECK_MEMBER(gridDimZ);
CHECK_MEMBER(blockDimX);
CHECK_MEMBER(blockDimY);
CHECK_MEMBER(blockDimZ);
CHECK_MEMBER(sharedMemBytes);
// NOLINTNEXTLINE(bugprone-sizeof-expression): a pointer
CHECK_MEMBER(hStream);
// NOLINTNEXTLINE(bugprone-sizeof-expression): a pointer
CHECK_MEMBER(attrs);
CHECK_MEMBER(numAttrs);

TEST(VendorCheckTest, PrintsTheVersion) {
  std::printf("compared with NVIDIA's headers of CUDA %d\n", CUDA_VERSION);
}

}  // namespace
