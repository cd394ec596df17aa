// Of libacl_dvpp.so: its heap.

#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/heaps.h"

using lenet::ascend::sim::HeapKind;

extern "C" {

aclError acldvppMalloc(void** pointer, size_t size) {
  SIM_CALL(acldvppMalloc);
  return call.Allocate(HeapKind::kDvpp, pointer, size);
}

aclError acldvppFree(void* pointer) {
  SIM_CALL(acldvppFree);
  return call.Free(HeapKind::kDvpp, pointer);
}

}  // extern "C"
