#ifndef CC_ASCEND_MEMORY_H_
#define CC_ASCEND_MEMORY_H_

#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/session.h"

namespace lenet::ascend {

enum class Heap {
  kDevice,  // device memory for models
  // Page-locked host memory, required for copies on a stream. If the program
  // runs on the NPU's own cores (ACL_DEVICE), there is one memory, and kHost
  // equals kDevice.
  kHost,
  kDvpp,  // device memory for DVPP, usable as input of models
};

// A block of one of AscendCL's heaps, not zeroed. It must be destroyed before
// its session and while no operation uses it.
class Memory {
 public:
  // `size` must be positive. ResourceExhausted if the heap is too small;
  // Unavailable for kDvpp if libacl_dvpp.so cannot be loaded.
  static absl::StatusOr<Memory> Allocate(Session* session, Heap heap,
                                         size_t size);

  Memory() = default;  // no memory
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  // The program may access kHost memory, and with ACL_DEVICE any memory.
  void* data() const { return data_; }
  size_t size() const { return size_; }

  // Frees the block.
  void Free();

 private:
  Memory(Session* session, aclError (*free)(void*), const char* free_name,
         void* data, size_t size)
      : session_(session),
        free_(free),
        free_name_(free_name),
        data_(data),
        size_(size) {}

  Session* session_ = nullptr;
  aclError (*free_)(void*) = nullptr;
  const char* free_name_ = nullptr;
  void* data_ = nullptr;
  size_t size_ = 0;
};

// Copies `size` bytes to memory with room for `capacity` bytes, in every run
// mode. Internal if size > capacity. Waits, unless a stream is given: then both
// blocks must stay untouched until it is synchronised, and
//   HOST_TO_DEVICE    copies from kHost memory;
//   DEVICE_TO_DEVICE  needs addresses that are multiples of 64;
//   DEVICE_TO_HOST    copies to kHost memory, only for ACL_HOST.
absl::Status Copy(Session* session, void* to, size_t capacity, const void* from,
                  size_t size, aclrtMemcpyKind kind,
                  std::optional<aclrtStream> stream = std::nullopt);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MEMORY_H_
