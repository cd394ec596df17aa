#include "cc/ascend/sim/models.h"

#include "absl/strings/str_cat.h"

namespace lenet::ascend::sim {

aclError FindModel(Call* call, uint32_t id, FoundModel* found) {
  for (const Object& object : call->objects().Live()) {
    if (object.kind != ObjectKind::kModel) continue;
    auto model = std::static_pointer_cast<LoadedModel>(object.value);
    if (model->id != id) continue;
    *found = {std::move(model), object.handle, object.context};
    return ACL_SUCCESS;
  }
  return call->Violation(ViolationKind::kOwnership,
                         ACL_ERROR_GE_EXEC_MODEL_ID_INVALID,
                         absl::StrCat("no model has the id ", id));
}

aclError FindModelOfContext(Call* call, uint32_t id, FoundModel* found) {
  SIM_RETURN_IF_ERROR(FindModel(call, id, found));
  if (found->context == call->context_handle()) return ACL_SUCCESS;
  return call->Violation(ViolationKind::kOrder, ACL_ERROR_RT_MODEL_CONTEXT,
                         "the model was loaded in another context");
}

size_t InputCount(const ModelFile& file) { return file.gears.empty() ? 1 : 2; }

size_t InputBytes(const ModelFile& file, size_t index) {
  if (index >= InputCount(file)) return 0;
  return index == kGearInput ? kGearBytes : file.batch * file.image_bytes();
}

size_t OutputBytes(const ModelFile& file) {
  return file.batch * file.output_bytes();
}

}  // namespace lenet::ascend::sim
