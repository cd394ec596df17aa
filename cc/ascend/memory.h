#ifndef CC_ASCEND_MEMORY_H_
#define CC_ASCEND_MEMORY_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/session.h"

namespace lenet::ascend {

enum class Heap {
  kDevice,  // of the device: models read and write it
  // Page-locked memory of this computer, which copies on a stream need. Where
  // the program runs on the NPU's own cores (ACL_DEVICE) there is one memory,
  // and it is that.
  kHost,
  kDvpp,  // of the device too: pictures, files for the decoder, model inputs
};

// A block of one of AscendCL's heaps, given back to it at the end of its life,
// which must come before that of the session. Not zeroed. No work that uses it
// may be under way then.
class Memory {
 public:
  // ResourceExhausted if there is not enough, Unavailable if kDvpp is asked for
  // and libacl_dvpp.so cannot be loaded. `size` must be positive.
  static absl::StatusOr<Memory> Allocate(Session* session, Heap heap,
                                         size_t size);

  Memory() = default;  // no memory
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;
  ~Memory();

  // The program may look into it if it is of Heap::kHost, or of any heap if it
  // runs on the NPU's own cores.
  void* data() const { return data_; }
  size_t size() const { return size_; }

  // Gives it back now.
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

// Copies `size` bytes of this program's memory to the device's (kDevice or
// kDvpp), where there is room for `capacity`, and waits for it. Whatever the
// run mode.
absl::Status CopyIn(Session* session, void* to, size_t capacity,
                    const void* from, size_t size);

// The same in the other direction.
absl::Status CopyOut(Session* session, void* to, size_t capacity,
                     const void* from, size_t size);

// As CopyIn, but leaves it to `stream`: `from`, which is of Heap::kHost, must
// stay unchanged, and `to` unused, until the stream was synchronised.
absl::Status CopyInAsync(Session* session, void* to, size_t capacity,
                         const void* from, size_t size, aclrtStream stream);

// Between two places of the device, on a stream. Both addresses are multiples
// of 64.
absl::Status CopyOnDeviceAsync(Session* session, void* to, size_t capacity,
                               const void* from, size_t size,
                               aclrtStream stream);

// Memory of the device to memory of Heap::kHost, on a stream. For ACL_HOST
// only: where there is one memory, look into it instead.
absl::Status CopyOutAsync(Session* session, void* to, size_t capacity,
                          const void* from, size_t size, aclrtStream stream);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MEMORY_H_
