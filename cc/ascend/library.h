#ifndef CC_ASCEND_LIBRARY_H_
#define CC_ASCEND_LIBRARY_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"

namespace lenet::ascend {

// A pointer per function of libascendcl.so, named like the function:
// acl.aclrtSetDevice(0). Optional functions that the library lacks are null.
struct Functions {
#define ACL_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
};

// The same for libacl_dvpp.so.
struct DvppFunctions {
#define DVPP_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#include "cc/ascend/acl_functions.inc"
};

// AscendCL, opened at run time, so that the program also runs on computers
// without an NPU. The libraries stay loaded until the process ends, even after
// the last Library is destroyed, because they start threads of their own.
class Library {
 public:
  // Opens libascendcl.so. The arguments are file names or paths for dlopen.
  // Returns Unavailable, with a remedy, if the library cannot be loaded or
  // lacks required functions.
  static absl::StatusOr<std::shared_ptr<const Library>> Open(
      const std::string& acl = "libascendcl.so",
      const std::string& dvpp = "libacl_dvpp.so");

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const Functions& acl() const { return acl_; }

  // Opens libacl_dvpp.so at the first call; later calls return the same result.
  // The pointer is valid as long as this object. Errors as for Open.
  // Thread-safe.
  absl::StatusOr<const DvppFunctions*> Dvpp() const;

 private:
  Library(const Functions& acl, std::string dvpp_name)
      : acl_(acl), dvpp_name_(std::move(dvpp_name)) {}

  const Functions acl_;
  const std::string dvpp_name_;
  mutable std::mutex mutex_;
  mutable std::optional<absl::StatusOr<DvppFunctions>> dvpp_;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_LIBRARY_H_
