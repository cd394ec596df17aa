#include "cc/gpu/compiler.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/shared_library.h"

namespace lenet::gpu {
namespace {

constexpr char kLibrary[] = "libnvrtc.so.11.2";
constexpr char kRemedy[] =
    "NVRTC compiles the kernels for the card; install the PyPI package "
    "nvidia-cuda-nvrtc-cu11 or use --device_target=CPU";

// The newest architecture that NVRTC 11.8 knows.
constexpr int kMaxMachineCode = 90;

constexpr size_t kMaxEntry = size_t{1} << 26;

// Detects damage, not malice: whoever writes the cache may run programs anyway.
std::string Checksum(const std::string& content) {
  return absl::StrCat(
      absl::Hex(std::hash<std::string>()(content), absl::kZeroPad16));
}

std::string FirstLine(const std::string& log) {
  return log.substr(0, log.find('\n'));
}

}  // namespace

absl::StatusOr<Compiler> Compiler::Open(const std::string& folder) {
  const std::string path =
      folder.empty() ? kLibrary : absl::StrCat(folder, "/", kLibrary);
  LENET_ASSIGN_OR_RETURN(SharedLibrary library,
                         SharedLibrary::Open(path, kRemedy));
  NvrtcFunctions nvrtc;
#define NVRTC_FUNCTION(result, name, parameters) \
  library.Find(#name, true, &nvrtc.name);
#include "cc/gpu/cuda_functions.inc"
  LENET_RETURN_IF_ERROR(library.Complete("NVRTC"));
  return Compiler(nvrtc);
}

absl::StatusOr<Program> Compiler::Compile(
    const std::string& source, int capability,
    const std::vector<std::string>& options) const {
  const auto check = [this](nvrtcResult result) {
    if (result == NVRTC_SUCCESS) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat("NVRTC failed: ", nvrtc_.nvrtcGetErrorString(result),
                     "; use --device_target=CPU"));
  };
  const bool machine_code = capability <= kMaxMachineCode;
  std::vector<std::string> all = options;
  all.emplace_back("--std=c++17");
  all.push_back(
      absl::StrCat("--gpu-architecture=", machine_code ? "sm_" : "compute_",
                   std::min(capability, kMaxMachineCode)));
  std::vector<const char*> arguments;
  arguments.reserve(all.size());
  for (const std::string& option : all) arguments.push_back(option.c_str());

  nvrtcProgram created = nullptr;
  LENET_RETURN_IF_ERROR(check(nvrtc_.nvrtcCreateProgram(
      &created, source.c_str(), "lenet_kernel", 0, nullptr, nullptr)));
  const auto destroy = [this](nvrtcProgram program) {
    nvrtc_.nvrtcDestroyProgram(&program);
  };
  const std::unique_ptr<_nvrtcProgram, decltype(destroy)> owner(created,
                                                                destroy);
  const nvrtcResult compiled = nvrtc_.nvrtcCompileProgram(
      created, static_cast<int>(arguments.size()), arguments.data());

  // Both functions get a text or code that they write to the end of a buffer.
  const auto read = [&](auto* get_size, auto* get, std::string* text) {
    size_t size = 0;
    LENET_RETURN_IF_ERROR(check(get_size(created, &size)));
    text->resize(size);
    return check(get(created, text->data()));
  };
  Program program;
  LENET_RETURN_IF_ERROR(read(nvrtc_.nvrtcGetProgramLogSize,
                             nvrtc_.nvrtcGetProgramLog, &program.log));
  program.log = program.log.c_str();  // without the final NUL
  if (compiled != NVRTC_SUCCESS) {
    return WithLocation(FirstLine(program.log), check(compiled));
  }
  LENET_RETURN_IF_ERROR(
      machine_code
          ? read(nvrtc_.nvrtcGetCUBINSize, nvrtc_.nvrtcGetCUBIN, &program.code)
          : read(nvrtc_.nvrtcGetPTXSize, nvrtc_.nvrtcGetPTX, &program.code));
  return program;
}

absl::StatusOr<Program> Compiler::CompileCached(
    const std::string& cache, const std::string& source, int capability,
    const std::vector<std::string>& options) const {
  if (cache.empty()) return Compile(source, capability, options);
  int major = 0;
  int minor = 0;
  nvrtc_.nvrtcVersion(&major, &minor);
  const std::string key =
      absl::StrCat(major, ".", minor, " ", capability, " ",
                   absl::StrJoin(options, " "), "\n", source);
  const std::string path =
      absl::StrCat(cache, "/lenet-", capability, "-", Checksum(key));
  // An entry is a checksum and the code.
  const absl::StatusOr<std::string> entry = ReadFile(path, kMaxEntry);
  const size_t head = Checksum("").size();
  if (entry.ok() && entry->size() > head &&
      Checksum(entry->substr(head)) == entry->substr(0, head)) {
    return Program{entry->substr(head), "", ""};
  }
  LENET_ASSIGN_OR_RETURN(Program program, Compile(source, capability, options));
  absl::Status written = MakeFolder(cache);
  if (written.ok()) {
    written = WriteFileAtomically(
        path, absl::StrCat(Checksum(program.code), program.code));
  }
  if (!written.ok()) {
    program.warning = absl::StrCat("the kernels are compiled at each start: ",
                                   std::string(written.message()));
  }
  return program;
}

}  // namespace lenet::gpu
