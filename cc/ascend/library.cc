#include "cc/ascend/library.h"

#include "cc/base/error.h"
#include "cc/base/shared_library.h"

namespace lenet::ascend {
namespace {

constexpr char kRemedy[] =
    "install CANN (Ascend 310: 8.0 or older) and the driver, then source "
    "set_env.sh in this shell: /usr/local/Ascend/ascend-toolkit/set_env.sh, or "
    "/usr/local/Ascend/nnrt/set_env.sh of the runtime package; the driver's "
    "libraries are in /usr/local/Ascend/driver/lib64 and its folders driver "
    "and common";

absl::StatusOr<Functions> LoadAcl(const std::string& name) {
  LENET_ASSIGN_OR_RETURN(SharedLibrary library,
                         SharedLibrary::Open(name, kRemedy));
  Functions acl;
#define ACL_FUNCTION(result, name, parameters) \
  library.Find(#name, true, &acl.name);
#define ACL_OPTIONAL_FUNCTION(result, name, parameters) \
  library.Find(#name, false, &acl.name);
#include "cc/ascend/acl_functions.inc"
  LENET_RETURN_IF_ERROR(library.Complete("AscendCL"));
  return acl;
}

absl::StatusOr<DvppFunctions> LoadDvpp(const std::string& name) {
  LENET_ASSIGN_OR_RETURN(SharedLibrary library,
                         SharedLibrary::Open(name, kRemedy));
  DvppFunctions dvpp;
#define DVPP_FUNCTION(result, name, parameters) \
  library.Find(#name, true, &dvpp.name);
#include "cc/ascend/acl_functions.inc"
  LENET_RETURN_IF_ERROR(library.Complete("AscendCL"));
  return dvpp;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Library>> Library::Open(
    const std::string& acl, const std::string& dvpp) {
  LENET_ASSIGN_OR_RETURN(const Functions functions, LoadAcl(acl));
  return std::shared_ptr<const Library>(new Library(functions, dvpp));
}

absl::StatusOr<const DvppFunctions*> Library::Dvpp() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!dvpp_.has_value()) dvpp_ = LoadDvpp(dvpp_name_);
  if (!dvpp_->ok()) return dvpp_->status();
  return &**dvpp_;
}

}  // namespace lenet::ascend
