#include "cc/ascend/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/error.h"

namespace lenet::ascend {
namespace {

constexpr char kRemedy[] =
    "install CANN (Ascend 310: 8.0 or older) and the driver, then source "
    "set_env.sh in this shell: /usr/local/Ascend/ascend-toolkit/set_env.sh, or "
    "/usr/local/Ascend/nnrt/set_env.sh of the runtime package; the driver's "
    "libraries are in /usr/local/Ascend/driver/lib64 and its folders driver "
    "and common";

constexpr std::ptrdiff_t kMaxNamed = 5;

// Looks up the functions of one library.
class Symbols {
 public:
  static absl::StatusOr<Symbols> Load(const std::string& name) {
    // RTLD_LOCAL, as the vendor's Python module does: the library's symbols
    // must not replace others. RTLD_NODELETE: see library.h.
    void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle != nullptr) return Symbols(name, handle);
    const char* reason = dlerror();
    return absl::UnavailableError(absl::StrCat(
        "cannot load ", name, ": ",
        reason == nullptr ? "unknown reason" : reason, "; ", kRemedy));
  }

  template <typename Function>
  void Find(const char* name, bool required, Function** function) {
    void* symbol = dlsym(handle_, name);
    if (symbol == nullptr && required) missing_.push_back(name);
    *function = reinterpret_cast<Function*>(symbol);
  }

  // Returns an error if a required function is missing.
  absl::Status Complete() const {
    if (missing_.empty()) return absl::OkStatus();
    const auto count = static_cast<std::ptrdiff_t>(missing_.size());
    const std::ptrdiff_t named = std::min(count, kMaxNamed);
    return absl::UnavailableError(absl::StrCat(
        name_, " has no function ",
        absl::StrJoin(missing_.begin(), missing_.begin() + named, ", "),
        named < count ? absl::StrCat(" and ", count - named, " more") : "",
        ": it is not AscendCL or too old; ", kRemedy));
  }

 private:
  Symbols(std::string name, void* handle)
      : name_(std::move(name)), handle_(handle) {}

  std::string name_;
  void* handle_;
  std::vector<const char*> missing_;
};

absl::StatusOr<Functions> LoadAcl(const std::string& name) {
  LENET_ASSIGN_OR_RETURN(Symbols symbols, Symbols::Load(name));
  Functions acl;
#define ACL_FUNCTION(result, name, parameters) \
  symbols.Find(#name, true, &acl.name);
#define ACL_OPTIONAL_FUNCTION(result, name, parameters) \
  symbols.Find(#name, false, &acl.name);
#include "cc/ascend/acl_functions.inc"
  LENET_RETURN_IF_ERROR(symbols.Complete());
  return acl;
}

absl::StatusOr<DvppFunctions> LoadDvpp(const std::string& name) {
  LENET_ASSIGN_OR_RETURN(Symbols symbols, Symbols::Load(name));
  DvppFunctions dvpp;
#define DVPP_FUNCTION(result, name, parameters) \
  symbols.Find(#name, true, &dvpp.name);
#include "cc/ascend/acl_functions.inc"
  LENET_RETURN_IF_ERROR(symbols.Complete());
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
