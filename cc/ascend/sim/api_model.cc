// Of libascendcl.so: models are loaded, described and unloaded.

#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/models.h"

namespace lenet::ascend::sim {
namespace {

bool ReadWholeFile(const char* path, std::string* content) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  content->assign(std::istreambuf_iterator<char>(file), {});
  return !file.bad();
}

aclError Load(Call* call, absl::string_view content, uint32_t* id) {
  std::variant<ModelFile, ModelFileError> read = ReadModelFile(content);
  if (const auto* error = std::get_if<ModelFileError>(&read)) {
    return call->Result(error->code, error->text);
  }
  auto model = std::make_shared<LoadedModel>();
  model->file = std::move(std::get<ModelFile>(read));
  const std::string& soc = call->state().settings().soc;
  if (model->file.soc != soc) {
    return call->Result(
        ACL_ERROR_RT_SOC_VERSION,
        absl::StrCat("the model is for ", model->file.soc, ", this is ", soc));
  }
  model->weights = call->heaps().Allocate(HeapKind::kDevice, call->device(),
                                          model->file.body_bytes, call->site());
  if (model->weights == nullptr) {
    return call->Result(ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED,
                        "no room for the weights");
  }
  model->id = static_cast<uint32_t>(call->site().number);
  *id = model->id;
  call->objects().Add(model, call->site(), call->context_handle());
  return call->Result(ACL_SUCCESS);
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::Call;
using lenet::ascend::sim::FindModel;
using lenet::ascend::sim::FindModelOfContext;
using lenet::ascend::sim::FoundModel;
using lenet::ascend::sim::HeapKind;
using lenet::ascend::sim::Load;
using lenet::ascend::sim::LoadedModel;
using lenet::ascend::sim::ModelDesc;
using lenet::ascend::sim::ModelFile;
using lenet::ascend::sim::ModelFileError;
using lenet::ascend::sim::ReadModelFile;
using lenet::ascend::sim::ReadWholeFile;
using lenet::ascend::sim::ViolationKind;

extern "C" {

aclError aclmdlLoadFromFile(const char* path, uint32_t* id) {
  SIM_CALL(aclmdlLoadFromFile);
  if (path == nullptr || id == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "path or id is null");
  }
  std::string content;
  if (!ReadWholeFile(path, &content)) {
    return call.Result(ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID,
                       absl::StrCat("cannot read ", path));
  }
  return Load(&call, content, id);
}

aclError aclmdlUnload(uint32_t id) {
  SIM_CALL(aclmdlUnload);
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModelOfContext(&call, id, &found));
  if (found.model->waiting > 0 && !call.device_hangs()) {
    call.Violation(ViolationKind::kOrder, ACL_SUCCESS,
                   "the model is unloaded while an execution of it waits");
  }
  call.objects().Remove<LoadedModel>(found.handle);
  call.heaps().Free(HeapKind::kDevice, found.model->weights);
  return call.Result(ACL_SUCCESS);
}

aclmdlDesc* aclmdlCreateDesc() {
  SIM_CALL_OR(aclmdlCreateDesc, nullptr);
  return static_cast<aclmdlDesc*>(
      call.objects().Add(std::make_shared<ModelDesc>(), call.site()));
}

aclError aclmdlDestroyDesc(aclmdlDesc* handle) {
  SIM_CALL(aclmdlDestroyDesc);
  std::shared_ptr<ModelDesc> desc;
  SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
  call.objects().Remove<ModelDesc>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetDesc(aclmdlDesc* handle, uint32_t id) {
  SIM_CALL(aclmdlGetDesc);
  std::shared_ptr<ModelDesc> desc;
  SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModel(&call, id, &found));
  desc->model = found.model;
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"
