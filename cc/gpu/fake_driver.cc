// libcuda.so.1 and libnvrtc.so.11.2 for tests: a card whose memory is the
// host's and that runs the host build of the kernels.
//
// The environment variable FAKE_CUDA has settings such as "cuInit=100 cards=0":
// the result of a function, or a property of the card.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "cc/gpu/cuda_types.h"
#include "cc/gpu/kernel_arguments.h"
#include "cc/gpu/kernel_host.h"

namespace {

int Setting(const std::string& name, int value) {
  const char* variable = std::getenv("FAKE_CUDA");
  const std::string settings =
      " " + std::string(variable == nullptr ? "" : variable);
  const size_t found = settings.find(" " + name + "=");
  if (found == std::string::npos) return value;
  return std::stoi(settings.substr(found + name.size() + 2));
}

CUresult Result(const char* function) {
  return static_cast<CUresult>(Setting(function, CUDA_SUCCESS));
}

struct Text {
  CUresult result;
  const char* name;
  const char* text;
};

constexpr Text kTexts[] = {
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE",
     "no CUDA-capable device is detected"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED",
     "unspecified launch failure"},
};

const Text* Find(CUresult result) {
  const auto* const found =
      std::find_if(std::begin(kTexts), std::end(kTexts),
                   [&](const Text& text) { return text.result == result; });
  return found == std::end(kTexts) ? nullptr : found;
}

// "Compiled" code names the host build with the height, width and cluster size
// of the compiler's options.
constexpr char kCode[] = "fake code %d %d %d";
std::string compiled_code;

int Macro(int count, const char* const* options, const std::string& name) {
  const std::string start = "-D" + name + "=";
  for (int i = 0; i < count; ++i) {
    const std::string option = options[i];
    if (option.rfind(start, 0) == 0)
      return std::stoi(option.substr(start.size()));
  }
  return 0;
}

// A module is a kernel; its functions are the members.
struct Module {
  lenet::gpu::HostKernel kernel;
  bool train;
};
Module modules[2];  // train, forward

template <typename T>
T* Host(CUdeviceptr pointer) {
  return reinterpret_cast<T*>(pointer);
}

}  // namespace

extern "C" {

#define SIMPLE_FUNCTION(name, parameters) \
  CUresult name parameters { return Result(#name); }
SIMPLE_FUNCTION(cuInit, (unsigned))
SIMPLE_FUNCTION(cuDevicePrimaryCtxRelease_v2, (CUdevice))
SIMPLE_FUNCTION(cuCtxSetCurrent, (CUcontext))
SIMPLE_FUNCTION(cuCtxSynchronize, ())
SIMPLE_FUNCTION(cuFuncSetAttribute, (CUfunction, CUfunction_attribute, int))
SIMPLE_FUNCTION(cuEventRecord, (CUevent, CUstream))

CUresult cuDriverGetVersion(int* version) {
  *version = Setting("version", 11080);
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult result, const char** name) {
  if (Find(result) != nullptr) *name = Find(result)->name;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult result, const char** text) {
  if (Find(result) != nullptr) *text = Find(result)->text;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int* count) {
  *count = Setting("cards", 1);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int index) {
  *device = index;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char* name, int size, CUdevice) {
  std::strncpy(name, "Fake card", static_cast<size_t>(size));
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute,
                              CUdevice) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      *value = 4;
      break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      *value = Setting("capability", 80) / 10;
      break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
      *value = Setting("capability", 80) % 10;
      break;
    case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
      *value = 1;
      break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      *value = Setting("shared_memory", 163 * 1024);
      break;
  }
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  *context = reinterpret_cast<CUcontext>(modules);
  return Result("cuDevicePrimaryCtxRetain");
}

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  int height = 0;
  int width = 0;
  int cluster = 0;
  std::sscanf(static_cast<const char*>(image), kCode, &height, &width,
              &cluster);
  for (const lenet::gpu::HostKernel& kernel : lenet::gpu::HostKernels()) {
    if (kernel.config.height != height || kernel.config.width != width ||
        kernel.config.cluster != cluster) {
      continue;
    }
    modules[0] = {kernel, true};
    modules[1] = {kernel, false};
    *module = nullptr;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NO_BINARY_FOR_GPU;
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule, const char* name) {
  *function = reinterpret_cast<CUfunction>(
      &modules[std::strcmp(name, "LenetTrain") == 0 ? 0 : 1]);
  return CUDA_SUCCESS;
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned blocks,
                                   unsigned, unsigned, unsigned, unsigned,
                                   unsigned, unsigned, CUstream,
                                   void** parameters) {
  if (Result("cuLaunchCooperativeKernel") != CUDA_SUCCESS) {
    return Result("cuLaunchCooperativeKernel");
  }
  const auto& [kernel, train] = *reinterpret_cast<Module*>(function);
  const int clusters = static_cast<int>(blocks) / kernel.config.cluster;
  if (!train) {
    kernel.forward(*static_cast<lenet::gpu::ForwardArguments*>(parameters[0]),
                   clusters, false);
    return CUDA_SUCCESS;
  }
  const auto& arguments =
      *static_cast<lenet::gpu::TrainArguments*>(parameters[0]);
  kernel.train(arguments, clusters, false);
  const int wrong = Setting("wrong", 0);
  if (wrong == 1) arguments.parameters[7] += 0.01f;
  if (wrong == 2) arguments.parameters[7] = NAN;
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveClusters(int* clusters, CUfunction,
                                      const CUlaunchConfig*) {
  *clusters = Setting("clusters", 1);
  return CUDA_SUCCESS;
}

CUresult cuEventCreate(CUevent* event, unsigned) {
  *event = nullptr;
  return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent, CUevent) {
  *milliseconds = 1.0f;
  return CUDA_SUCCESS;
}

// The content of new memory is undefined: NaN.
CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
  if (Result("cuMemAlloc_v2") != CUDA_SUCCESS) return Result("cuMemAlloc_v2");
  char* const memory = new (std::align_val_t(256)) char[bytes];
  std::fill_n(memory, bytes, '\xff');
  *pointer = reinterpret_cast<CUdeviceptr>(memory);
  return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr pointer) {
  ::operator delete[](Host<char>(pointer), std::align_val_t(256));
  return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
  std::memcpy(Host<void>(to), from, bytes);
  return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
  std::memcpy(to, Host<void>(from), bytes);
  return CUDA_SUCCESS;
}

nvrtcResult nvrtcVersion(int* major, int* minor) {
  *major = 11;
  *minor = 8;
  return NVRTC_SUCCESS;
}

const char* nvrtcGetErrorString(nvrtcResult) {
  return "NVRTC_ERROR_COMPILATION";
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char*, const char*,
                               int, const char* const*, const char* const*) {
  *program = reinterpret_cast<nvrtcProgram>(modules);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram*) { return NVRTC_SUCCESS; }

nvrtcResult nvrtcCompileProgram(nvrtcProgram, int count,
                                const char* const* options) {
  char code[100];
  std::snprintf(code, sizeof(code), kCode,
                Macro(count, options, "LENET_HEIGHT"),
                Macro(count, options, "LENET_WIDTH"),
                Macro(count, options, "LENET_CLUSTER"));
  compiled_code = code;
  return static_cast<nvrtcResult>(Setting("nvrtcCompileProgram", 0));
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram, size_t* size) {
  *size = sizeof("line 3: error\nline 4\n");
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram, char* log) {
  std::strcpy(log, "line 3: error\nline 4\n");
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram, size_t* size) {
  *size = compiled_code.size() + 1;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram, char* cubin) {
  std::strcpy(cubin, compiled_code.c_str());
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* size) {
  return nvrtcGetCUBINSize(program, size);
}

nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* ptx) {
  return nvrtcGetCUBIN(program, ptx);
}

}  // extern "C"
