#ifndef CC_ASCEND_SIM_OBJECTS_H_
#define CC_ASCEND_SIM_OBJECTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"

namespace lenet::ascend::sim {

enum class ObjectKind {
  kContext,
  kStream,
  kDataBuffer,
  kDataset,
  kModel,
  kModelDesc,
  kChannelDesc,
  kChannel,
  kPicDesc,
  kResizeConfig,
};
const char* Name(ObjectKind kind);  // "context", "data buffer", ...

// What the registry knows of an object that lives.
struct Object {
  ObjectKind kind = ObjectKind::kContext;
  Site site;                     // of the call that made it
  const void* handle = nullptr;  // as the application knows it
  const void* context =
      nullptr;  // handle of the context it belongs to, or null
  std::shared_ptr<void> value;
};

// All that the application made and has to destroy, other than memory. The
// handles are addresses without access rights that never come back, so that a
// handle of something destroyed is always recognised.
//
// T of the functions is a struct with `static constexpr ObjectKind kKind`.
// Thread-safe; the objects themselves are not.
class Objects {
 public:
  Objects();
  ~Objects();
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  // Returns the handle. `context`: handle of the context that must outlive it,
  // null for what lives outside of contexts.
  template <typename T>
  void* Add(std::shared_ptr<T> value, Site site,
            const void* context = nullptr) {
    return AddObject(T::kKind, std::move(value), site, context);
  }

  // Null unless `handle` is of a live T.
  template <typename T>
  std::shared_ptr<T> Find(const void* handle) const {
    return std::static_pointer_cast<T>(FindObject(T::kKind, handle));
  }

  // Forgets the object, which lives on while it is in use elsewhere. False
  // unless `handle` is of a live T.
  template <typename T>
  bool Remove(const void* handle) {
    return RemoveObject(T::kKind, handle);
  }

  // In the order of creation. With a context: those that belong to it.
  std::vector<Object> Live() const;
  std::vector<Object> LiveOf(const void* context) const;

 private:
  void* AddObject(ObjectKind kind, std::shared_ptr<void> value, Site site,
                  const void* context);
  std::shared_ptr<void> FindObject(ObjectKind kind, const void* handle) const;
  bool RemoveObject(ObjectKind kind, const void* handle);

  char* handles_ = nullptr;  // reserved addresses
  mutable std::mutex mutex_;
  size_t next_ = 0;
  std::map<const void*, Object> objects_;
};

struct DataBuffer {
  static constexpr ObjectKind kKind = ObjectKind::kDataBuffer;
  void* data = nullptr;
  size_t size = 0;
};

struct Dataset {
  static constexpr ObjectKind kKind = ObjectKind::kDataset;
  std::vector<aclDataBuffer*> buffers;
};

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_OBJECTS_H_
