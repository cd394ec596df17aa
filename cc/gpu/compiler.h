#ifndef CC_GPU_COMPILER_H_
#define CC_GPU_COMPILER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/gpu/cuda_types.h"

namespace lenet::gpu {

// A pointer per function of NVRTC, named like the function.
struct NvrtcFunctions {
#define NVRTC_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#include "cc/gpu/cuda_functions.inc"
};

struct Program {
  std::string code;     // for cuModuleLoadData
  std::string log;      // of the compiler; empty if the cache had the code
  std::string warning;  // one line if the cache could not be written, or ""
};

// NVRTC, NVIDIA's compiler for CUDA kernels as a library.
class Compiler {
 public:
  // Opens libnvrtc.so.11.2 in `folder`, or where the loader finds it if
  // `folder` is empty. Unavailable, with a remedy, if it cannot be loaded.
  static absl::StatusOr<Compiler> Open(const std::string& folder);

  // Compiles CUDA C++ for cards of a compute capability (80 for 8.0): to
  // machine code up to 9.0, to PTX for newer cards. Internal, with the first
  // line of the compiler's log, if the source has errors.
  absl::StatusOr<Program> Compile(
      const std::string& source, int capability,
      const std::vector<std::string>& options) const;

  // The same with a cache in the folder `cache`, which is created. Its entries
  // depend on all arguments and on NVRTC's version. A damaged entry is
  // replaced. "" means no cache.
  absl::StatusOr<Program> CompileCached(
      const std::string& cache, const std::string& source, int capability,
      const std::vector<std::string>& options) const;

 private:
  explicit Compiler(const NvrtcFunctions& nvrtc) : nvrtc_(nvrtc) {}

  NvrtcFunctions nvrtc_;
};

}  // namespace lenet::gpu

#endif  // CC_GPU_COMPILER_H_
