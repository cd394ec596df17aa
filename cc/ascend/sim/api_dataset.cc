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

}  // extern "C"
