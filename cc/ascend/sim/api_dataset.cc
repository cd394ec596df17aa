// Of libascendcl.so: data buffers and datasets. Neither owns what it points to.

#include <memory>

#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/objects.h"

using lenet::ascend::sim::DataBuffer;
using lenet::ascend::sim::Dataset;

extern "C" {

aclDataBuffer* aclCreateDataBuffer(void* data, size_t size) {
  SIM_CALL_OR(aclCreateDataBuffer, nullptr);
  auto buffer = std::make_shared<DataBuffer>();
  buffer->data = data;
  buffer->size = size;
  return static_cast<aclDataBuffer*>(call.objects().Add(buffer, call.site()));
}

aclError aclDestroyDataBuffer(const aclDataBuffer* handle) {
  SIM_CALL(aclDestroyDataBuffer);
  std::shared_ptr<DataBuffer> buffer;
  SIM_RETURN_IF_ERROR(call.Get(handle, &buffer));
  call.objects().Remove<DataBuffer>(handle);
  return call.Result(ACL_SUCCESS);
}

void* aclGetDataBufferAddr(const aclDataBuffer* handle) {
  SIM_CALL_OR(aclGetDataBufferAddr, nullptr);
  std::shared_ptr<DataBuffer> buffer;
  if (call.Get(handle, &buffer) != ACL_SUCCESS) return nullptr;
  return buffer->data;
}

size_t aclGetDataBufferSizeV2(const aclDataBuffer* handle) {
  SIM_CALL_OR(aclGetDataBufferSizeV2, 0);
  std::shared_ptr<DataBuffer> buffer;
  if (call.Get(handle, &buffer) != ACL_SUCCESS) return 0;
  return buffer->size;
}

size_t aclDataTypeSize(aclDataType type) {
  SIM_CALL_OR(aclDataTypeSize, 0);
  switch (type) {
    case ACL_INT8:
    case ACL_UINT8:
    case ACL_BOOL:
      return 1;
    case ACL_FLOAT16:
    case ACL_INT16:
    case ACL_UINT16:
      return 2;
    case ACL_FLOAT:
    case ACL_INT32:
    case ACL_UINT32:
      return 4;
    case ACL_INT64:
    case ACL_UINT64:
    case ACL_DOUBLE:
      return 8;
    default:
      return 0;
  }
}

aclmdlDataset* aclmdlCreateDataset() {
  SIM_CALL_OR(aclmdlCreateDataset, nullptr);
  return static_cast<aclmdlDataset*>(
      call.objects().Add(std::make_shared<Dataset>(), call.site()));
}

aclError aclmdlDestroyDataset(const aclmdlDataset* handle) {
  SIM_CALL(aclmdlDestroyDataset);
  std::shared_ptr<Dataset> dataset;
  SIM_RETURN_IF_ERROR(call.Get(handle, &dataset));
  call.objects().Remove<Dataset>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlAddDatasetBuffer(aclmdlDataset* handle, aclDataBuffer* added) {
  SIM_CALL(aclmdlAddDatasetBuffer);
  std::shared_ptr<Dataset> dataset;
  std::shared_ptr<DataBuffer> buffer;
  SIM_RETURN_IF_ERROR(call.Get(handle, &dataset));
  SIM_RETURN_IF_ERROR(call.Get(added, &buffer));
  dataset->buffers.push_back(added);
  return call.Result(ACL_SUCCESS);
}

size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset* handle) {
  SIM_CALL_OR(aclmdlGetDatasetNumBuffers, 0);
  std::shared_ptr<Dataset> dataset;
  if (call.Get(handle, &dataset) != ACL_SUCCESS) return 0;
  return dataset->buffers.size();
}

aclDataBuffer* aclmdlGetDatasetBuffer(const aclmdlDataset* handle,
                                      size_t index) {
  SIM_CALL_OR(aclmdlGetDatasetBuffer, nullptr);
  std::shared_ptr<Dataset> dataset;
  if (call.Get(handle, &dataset) != ACL_SUCCESS) return nullptr;
  if (index >= dataset->buffers.size()) return nullptr;
  // One that was destroyed meanwhile is for the caller to trip over.
  return dataset->buffers[index];
}

}  // extern "C"
