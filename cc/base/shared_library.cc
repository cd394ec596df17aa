#include "cc/base/shared_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

constexpr std::ptrdiff_t kMaxNamed = 5;

}  // namespace

absl::StatusOr<SharedLibrary> SharedLibrary::Open(const std::string& name,
                                                  std::string remedy) {
  // RTLD_LOCAL, as the vendors' Python modules do: the library's symbols must
  // not replace others.
  void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle != nullptr) return SharedLibrary(name, std::move(remedy), handle);
  const char* reason = dlerror();
  return absl::UnavailableError(absl::StrCat(
      "cannot load ", name, ": ", reason == nullptr ? "unknown reason" : reason,
      "; ", remedy));
}

absl::Status SharedLibrary::Complete(const std::string& product) const {
  if (missing_.empty()) return absl::OkStatus();
  const auto count = static_cast<std::ptrdiff_t>(missing_.size());
  const std::ptrdiff_t named = std::min(count, kMaxNamed);
  return absl::UnavailableError(absl::StrCat(
      name_, " has no function ",
      absl::StrJoin(missing_.begin(), missing_.begin() + named, ", "),
      named < count ? absl::StrCat(" and ", count - named, " more") : "",
      ": it is not ", product, " or too old; ", remedy_));
}

void* SharedLibrary::Symbol(const char* name) const {
  return dlsym(handle_, name);
}

}  // namespace lenet
