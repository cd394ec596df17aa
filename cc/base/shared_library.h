#ifndef CC_BASE_SHARED_LIBRARY_H_
#define CC_BASE_SHARED_LIBRARY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lenet {

// A vendor's library, opened at run time, so that programs also run on
// computers without it. It stays loaded until the process ends, even after this
// object is destroyed, because such libraries start threads of their own.
class SharedLibrary {
 public:
  // Opens a file name or path for dlopen. `remedy` ends the messages of errors.
  // Unavailable if the library cannot be loaded.
  static absl::StatusOr<SharedLibrary> Open(const std::string& name,
                                            std::string remedy);

  // Looks up a function; null if the library lacks it.
  template <typename Function>
  void Find(const char* name, bool required, Function** function) {
    void* symbol = Symbol(name);
    if (symbol == nullptr && required) missing_.push_back(name);
    *function = reinterpret_cast<Function*>(symbol);
  }

  // Returns Unavailable if required functions were missing: the library "is not
  // {product} or too old".
  absl::Status Complete(const std::string& product) const;

 private:
  SharedLibrary(std::string name, std::string remedy, void* handle)
      : name_(std::move(name)), remedy_(std::move(remedy)), handle_(handle) {}

  void* Symbol(const char* name) const;

  std::string name_;
  std::string remedy_;
  void* handle_;
  std::vector<const char*> missing_;
};

}  // namespace lenet

#endif  // CC_BASE_SHARED_LIBRARY_H_
