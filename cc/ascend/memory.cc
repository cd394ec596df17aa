#include "cc/ascend/memory.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/ascend/library.h"
#include "cc/base/error.h"

namespace lenet::ascend {

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

Memory::Memory(Memory&& other) noexcept { *this = std::move(other); }

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

absl::Status Copy(Session* session, void* to, size_t capacity, const void* from,
                  size_t size, aclrtMemcpyKind kind,
                  std::optional<aclrtStream> stream) {
  if (size > capacity) {
    return absl::InternalError(
        absl::StrCat("copying ", size, " bytes into room for ", capacity));
  }
  // In ACL_DEVICE mode, the program runs on the card: host and device share
  // their memory.
  if (session->run_mode() == ACL_DEVICE &&
      kind != ACL_MEMCPY_DEVICE_TO_DEVICE) {
    std::memcpy(to, from, size);
    return absl::OkStatus();
  }
  const Functions& acl = session->acl();
  if (!stream.has_value()) {
    return session->Check(acl.aclrtMemcpy(to, capacity, from, size, kind),
                          "aclrtMemcpy");
  }
  return session->Check(
      acl.aclrtMemcpyAsync(to, capacity, from, size, kind, *stream),
      "aclrtMemcpyAsync");
}

}  // namespace lenet::ascend
