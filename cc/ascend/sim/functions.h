#ifndef CC_ASCEND_SIM_FUNCTIONS_H_
#define CC_ASCEND_SIM_FUNCTIONS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"

// Exported from the shared libraries; all else in them is hidden.
#define LENET_SIM_EXPORT __attribute__((visibility("default")))

// The C declarations of both libraries. What defines one of them with another
// signature does not compile.
extern "C" {
#define ACL_FUNCTION(result, name, parameters) \
  LENET_SIM_EXPORT result name parameters;
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
}

namespace lenet::ascend::sim {

// Function::aclInit and so on, one per C function.
enum class Function {
#define ACL_FUNCTION(result, name, parameters) name,
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
};

inline constexpr size_t kFunctionCount = 0
#define ACL_FUNCTION(result, name, parameters) +1
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
    ;

const char* Name(Function function);
std::optional<Function> FindFunction(absl::string_view name);

// What holds for a function before it looks at its arguments.
struct Rules {
  // May not be called before aclInit or after aclFinalize.
  bool needs_init = true;
  // What it answers then: 100001, or 145001 of the graph engine.
  aclError without_init = ACL_ERROR_UNINITIALIZE;
  // The thread must have a current context (107002).
  bool needs_context = false;
  // Works with the device: fails once that is lost (507010), and is a breach of
  // order once the application was told that the device has failed.
  bool uses_device = false;
  // Releases something. An injected fault comes after the effect, so that it
  // leaves nothing behind that nobody could release.
  bool releases = false;
  // Waits for a stream. A lost device or an injected fault is for the function
  // itself to deal with: the work of the stream is dropped.
  bool synchronizes = false;
  // A code 507xxx of it says that the device has failed; for a model file the
  // same numbers mean that the file is for another chip.
  bool failure_is_of_device = true;
};

Rules RulesOf(Function function);

// A call of the application, to be named in reports.
struct Site {
  uint64_t number = 0;  // the first call of the process is 1
  Function function = Function::aclInit;
};

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_FUNCTIONS_H_
