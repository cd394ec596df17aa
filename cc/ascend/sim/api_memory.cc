// Of libascendcl.so: memory and copies.

#include <cstring>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/heaps.h"
#include "cc/ascend/sim/state.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kAsyncAlignment = 64;

enum class Side { kHost, kDevice };

struct Sides {
  Side to;
  Side from;
};

Sides SidesOf(aclrtMemcpyKind kind) {
  const Side to =
      kind == ACL_MEMCPY_HOST_TO_DEVICE || kind == ACL_MEMCPY_DEVICE_TO_DEVICE
          ? Side::kDevice
          : Side::kHost;
  const Side from =
      kind == ACL_MEMCPY_DEVICE_TO_HOST || kind == ACL_MEMCPY_DEVICE_TO_DEVICE
          ? Side::kDevice
          : Side::kHost;
  return {to, from};
}

// The simulator's address of what the application means, null if it lies on
// another side or device, or not within one block. In device mode there is one
// memory.
char* View(Call& call, Side side, const void* pointer, size_t bytes) {
  const std::optional<Block> block = call.heaps().Find(pointer);
  if (block.has_value() && block->heap != HeapKind::kHost &&
      block->device != call.device()) {
    return nullptr;
  }
  const bool device =
      side == Side::kDevice && call.heaps().run_mode() == ACL_HOST;
  return device ? call.heaps().DeviceView(pointer, bytes)
                : call.heaps().HostView(pointer, bytes);
}

// A copy whose arguments are right.
struct Copy {
  char* to = nullptr;
  const char* from = nullptr;
};

aclError WrongSide(Call& call, absl::string_view what, Side side,
                   size_t bytes) {
  return call.Violation(
      ViolationKind::kOwnership, ACL_ERROR_RT_SYS_DMA,
      absl::StrCat(what, ", ", bytes, " bytes, is not within one block of ",
                   side == Side::kDevice ? "device" : "host",
                   " memory that the current context can use"));
}

// Device memory is as large as its block: what the application says of the
// capacity is checked too.
aclError Resolve(Call& call, void* to, size_t to_bytes, const void* from,
                 size_t from_bytes, aclrtMemcpyKind kind, Copy* copy) {
  if (to == nullptr || from == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "an address is null");
  }
  if (kind > ACL_MEMCPY_DEVICE_TO_DEVICE) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no such kind of copy");
  }
  const Sides sides = SidesOf(kind);
  if (call.heaps().run_mode() == ACL_DEVICE && sides.to != sides.from) {
    return call.Violation(
        ViolationKind::kOrder, ACL_ERROR_RT_SYS_DMA,
        "a copy between host and device in device mode, where both are one");
  }
  copy->to = View(call, sides.to, to, to_bytes);
  if (copy->to == nullptr) {
    return WrongSide(call, "the target", sides.to, to_bytes);
  }
  copy->from = View(call, sides.from, from, from_bytes);
  if (copy->from == nullptr) {
    return WrongSide(call, "the source", sides.from, from_bytes);
  }
  return ACL_SUCCESS;
}

aclError CheckCount(Call& call, size_t capacity, size_t count) {
  if (count == 0 || count > capacity) {
    return call.Result(ACL_ERROR_RT_PARAM_INVALID,
                       absl::StrCat(count, " bytes for room for ", capacity));
  }
  return ACL_SUCCESS;
}

aclError MemcpyAsync(Call& call, void* to, size_t capacity, const void* from,
                     size_t count, aclrtMemcpyKind kind, aclrtStream handle) {
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  SIM_RETURN_IF_ERROR(CheckCount(call, capacity, count));
  Copy copy;
  SIM_RETURN_IF_ERROR(Resolve(call, to, capacity, from, count, kind, &copy));
  if (kind == ACL_MEMCPY_DEVICE_TO_DEVICE &&
      (reinterpret_cast<uintptr_t>(to) % kAsyncAlignment != 0 ||
       reinterpret_cast<uintptr_t>(from) % kAsyncAlignment != 0)) {
    return call.Result(ACL_ERROR_RT_ADDR_UNALIGNED,
                       "addresses must be multiples of 64");
  }
  call.Enqueue(stream,
               [copy, count] {
                 std::memmove(copy.to, copy.from, count);
                 return ACL_SUCCESS;
               },
               {to, from});
  return call.Result(ACL_SUCCESS);
}

aclError Memset(Call& call, void* pointer, size_t capacity, int32_t value,
                size_t count) {
  if (pointer == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the address is null");
  }
  SIM_RETURN_IF_ERROR(CheckCount(call, capacity, count));
  const Side side =
      call.heaps().Contains(pointer) &&
              call.heaps().DeviceView(pointer, capacity) != nullptr
          ? Side::kDevice
          : Side::kHost;
  char* const view = View(call, side, pointer, capacity);
  if (view == nullptr) return WrongSide(call, "the target", side, capacity);
  std::memset(view, value, count);
  return call.Result(ACL_SUCCESS);
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::HeapKind;

extern "C" {

aclError aclrtMalloc(void** pointer, size_t size, aclrtMemMallocPolicy policy) {
  SIM_CALL(aclrtMalloc);
  if (policy > ACL_MEM_MALLOC_NORMAL_ONLY) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no such policy");
  }
  return call.Allocate(HeapKind::kDevice, pointer, size);
}

aclError aclrtFree(void* pointer) {
  SIM_CALL(aclrtFree);
  return call.Free(HeapKind::kDevice, pointer);
}

aclError aclrtMallocHost(void** pointer, size_t size) {
  SIM_CALL(aclrtMallocHost);
  return call.Allocate(HeapKind::kHost, pointer, size);
}

aclError aclrtFreeHost(void* pointer) {
  SIM_CALL(aclrtFreeHost);
  return call.Free(HeapKind::kHost, pointer);
}

aclError aclrtMemset(void* pointer, size_t capacity, int32_t value,
                     size_t count) {
  SIM_CALL(aclrtMemset);
  return lenet::ascend::sim::Memset(call, pointer, capacity, value, count);
}

aclError aclrtMemcpy(void* to, size_t capacity, const void* from, size_t count,
                     aclrtMemcpyKind kind) {
  SIM_CALL(aclrtMemcpy);
  lenet::ascend::sim::Copy copy;
  SIM_RETURN_IF_ERROR(lenet::ascend::sim::CheckCount(call, capacity, count));
  SIM_RETURN_IF_ERROR(lenet::ascend::sim::Resolve(call, to, capacity, from,
                                                  count, kind, &copy));
  std::memmove(copy.to, copy.from, count);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtMemcpyAsync(void* to, size_t capacity, const void* from,
                          size_t count, aclrtMemcpyKind kind,
                          aclrtStream stream) {
  SIM_CALL(aclrtMemcpyAsync);
  return lenet::ascend::sim::MemcpyAsync(call, to, capacity, from, count, kind,
                                         stream);
}

}  // extern "C"
