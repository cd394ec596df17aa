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

// One pointer for each function of libascendcl.so, under its C name:
// acl.aclrtSetDevice(0). Those that acl_functions.inc calls optional are null
// where the library does not have them.
struct Functions {
#define ACL_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#define ACL_OPTIONAL_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#include "cc/ascend/acl_functions.inc"
};

// The same for libacl_dvpp.so.
struct DvppFunctions {
#define DVPP_FUNCTION(result, name, parameters) \
  result(*name) parameters = nullptr;
#include "cc/ascend/acl_functions.inc"
};

// AscendCL, opened when the program runs: nothing is linked, so one program
// serves computers with and without an NPU. The libraries stay loaded until the
// process ends, also after the last Library: they start threads of their own
// and do not survive being unloaded.
class Library {
 public:
  // Takes names as dlopen does: a file name is looked for in LD_LIBRARY_PATH
  // and the system's folders. libacl_dvpp.so is not opened yet.
  //
  // Unavailable: the library cannot be loaded, or is too old to have a function
  // that is needed; the message says which and what to do.
  static absl::StatusOr<std::shared_ptr<const Library>> Open(
      const std::string& acl = "libascendcl.so",
      const std::string& dvpp = "libacl_dvpp.so");

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const Functions& acl() const { return acl_; }

  // Opens libacl_dvpp.so at the first call; later calls give the same answer.
  // Valid as long as this Library. Unavailable as for Open. Thread-safe.
  absl::StatusOr<const DvppFunctions*> Dvpp() const;

 private:
  Library(const Functions& acl, std::string dvpp_name)
      : acl_(acl), dvpp_name_(std::move(dvpp_name)) {}

  const Functions acl_;
  const std::string dvpp_name_;
  mutable std::mutex mutex_;
  // Empty until the first call of Dvpp.
  mutable std::optional<absl::StatusOr<DvppFunctions>> dvpp_;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_LIBRARY_H_
