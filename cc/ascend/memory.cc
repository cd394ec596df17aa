#include "cc/ascend/memory.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/ascend/library.h"
#include "cc/base/status_macros.h"

namespace lenet::ascend {
namespace {

absl::Status CheckFits(size_t size, size_t capacity) {
  if (size <= capacity) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a copy of ", size, " bytes to a place for ", capacity));
}

// On the NPU's own cores both sides are the same memory.
absl::Status CopyAtOnce(void* to, const void* from, size_t size) {
  std::memcpy(to, from, size);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Memory> Memory::Allocate(Session* session, Heap heap,
                                        size_t size) {
  const Functions& acl = session->acl();
  void* data = nullptr;
  if (heap == Heap::kDvpp) {
    LENET_ASSIGN_OR_RETURN(const DvppFunctions* dvpp,
                           session->process().library().Dvpp());
    LENET_RETURN_IF_ERROR(
        session->Check(dvpp->acldvppMalloc(&data, size), "acldvppMalloc"));
    return Memory(session, dvpp->acldvppFree, "acldvppFree", data, size);
  }
  if (heap == Heap::kHost && session->run_mode() == ACL_HOST) {
    LENET_RETURN_IF_ERROR(
        session->Check(acl.aclrtMallocHost(&data, size), "aclrtMallocHost"));
    return Memory(session, acl.aclrtFreeHost, "aclrtFreeHost", data, size);
  }
  LENET_RETURN_IF_ERROR(session->Check(
      acl.aclrtMalloc(&data, size, ACL_MEM_MALLOC_HUGE_FIRST), "aclrtMalloc"));
  return Memory(session, acl.aclrtFree, "aclrtFree", data, size);
}

Memory::Memory(Memory&& other) noexcept
    : session_(other.session_),
      free_(other.free_),
      free_name_(other.free_name_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(session_, other.session_);
  std::swap(free_, other.free_);
  std::swap(free_name_, other.free_name_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Memory::~Memory() { Free(); }

void Memory::Free() {
  if (data_ == nullptr) return;
  session_->CheckTeardown(free_(std::exchange(data_, nullptr)), free_name_);
  size_ = 0;
}

absl::Status CopyIn(Session* session, void* to, size_t capacity,
                    const void* from, size_t size) {
  LENET_RETURN_IF_ERROR(CheckFits(size, capacity));
  if (session->run_mode() == ACL_DEVICE) return CopyAtOnce(to, from, size);
  return session->Check(session->acl().aclrtMemcpy(to, capacity, from, size,
                                                   ACL_MEMCPY_HOST_TO_DEVICE),
                        "aclrtMemcpy");
}

absl::Status CopyOut(Session* session, void* to, size_t capacity,
                     const void* from, size_t size) {
  LENET_RETURN_IF_ERROR(CheckFits(size, capacity));
  if (session->run_mode() == ACL_DEVICE) return CopyAtOnce(to, from, size);
  return session->Check(session->acl().aclrtMemcpy(to, capacity, from, size,
                                                   ACL_MEMCPY_DEVICE_TO_HOST),
                        "aclrtMemcpy");
}

absl::Status CopyInAsync(Session* session, void* to, size_t capacity,
                         const void* from, size_t size, aclrtStream stream) {
  LENET_RETURN_IF_ERROR(CheckFits(size, capacity));
  if (session->run_mode() == ACL_DEVICE) return CopyAtOnce(to, from, size);
  return session->Check(
      session->acl().aclrtMemcpyAsync(to, capacity, from, size,
                                      ACL_MEMCPY_HOST_TO_DEVICE, stream),
      "aclrtMemcpyAsync");
}

absl::Status CopyOnDeviceAsync(Session* session, void* to, size_t capacity,
                               const void* from, size_t size,
                               aclrtStream stream) {
  LENET_RETURN_IF_ERROR(CheckFits(size, capacity));
  return session->Check(
      session->acl().aclrtMemcpyAsync(to, capacity, from, size,
                                      ACL_MEMCPY_DEVICE_TO_DEVICE, stream),
      "aclrtMemcpyAsync");
}

absl::Status CopyOutAsync(Session* session, void* to, size_t capacity,
                          const void* from, size_t size, aclrtStream stream) {
  LENET_RETURN_IF_ERROR(CheckFits(size, capacity));
  return session->Check(
      session->acl().aclrtMemcpyAsync(to, capacity, from, size,
                                      ACL_MEMCPY_DEVICE_TO_HOST, stream),
      "aclrtMemcpyAsync");
}

}  // namespace lenet::ascend
