#include "cc/ascend/sim/objects.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace lenet::ascend::sim {
namespace {

constexpr size_t kReserved = size_t{1} << 30;
constexpr size_t kStep = 16;

}  // namespace

const char* Name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kContext:
      return "context";
    case ObjectKind::kStream:
      return "stream";
    case ObjectKind::kDataBuffer:
      return "data buffer";
    case ObjectKind::kDataset:
      return "dataset";
    case ObjectKind::kModel:
      return "model";
    case ObjectKind::kModelDesc:
      return "model description";
    case ObjectKind::kChannelDesc:
      return "channel description";
    case ObjectKind::kChannel:
      return "channel";
    case ObjectKind::kPicDesc:
      return "picture description";
    case ObjectKind::kResizeConfig:
      return "resize configuration";
  }
  return "";
}

Objects::Objects() {
  void* address = mmap(nullptr, kReserved, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) {
    std::perror("AscendCL simulator: mmap");
    std::_Exit(66);
  }
  handles_ = static_cast<char*>(address);
}

Objects::~Objects() { munmap(handles_, kReserved); }

void* Objects::AddObject(ObjectKind kind, std::shared_ptr<void> value,
                         Site site, const void* context) {
  std::lock_guard<std::mutex> lock(mutex_);
  next_ += kStep;
  if (next_ >= kReserved) {
    std::fputs("AscendCL simulator: too many objects were made\n", stderr);
    std::_Exit(66);
  }
  void* const handle = handles_ + next_;
  objects_[handle] = Object{kind, site, handle, context, std::move(value)};
  return handle;
}

std::shared_ptr<void> Objects::FindObject(ObjectKind kind,
                                          const void* handle) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = objects_.find(handle);
  if (it == objects_.end() || it->second.kind != kind) return nullptr;
  return it->second.value;
}

bool Objects::RemoveObject(ObjectKind kind, const void* handle) {
  std::shared_ptr<void> last;  // destroyed without the lock
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = objects_.find(handle);
  if (it == objects_.end() || it->second.kind != kind) return false;
  last = std::move(it->second.value);
  objects_.erase(it);
  return true;
}

// Handles grow, so their order is that of creation.
std::vector<Object> Objects::Live() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Object> live;
  for (const auto& [handle, object] : objects_) live.push_back(object);
  return live;
}

std::vector<Object> Objects::LiveOf(const void* context) const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Object> live;
  for (const auto& [handle, object] : objects_) {
    if (object.context == context) live.push_back(object);
  }
  return live;
}

}  // namespace lenet::ascend::sim
