#ifndef CC_ASCEND_SIM_MODELS_H_
#define CC_ASCEND_SIM_MODELS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/objects.h"

namespace lenet::ascend::sim {

struct LoadedModel {
  static constexpr ObjectKind kKind = ObjectKind::kModel;
  uint32_t id = 0;  // never given twice
  ModelFile file;
  void* weights = nullptr;  // what the model takes of the device heap
  std::mutex mutex;         // of file.graph
  // Executions that wait on streams, and the stream of the last of them.
  std::atomic<int> waiting{0};
  const Stream* stream = nullptr;
};

// A description; empty until aclmdlGetDesc.
struct ModelDesc {
  static constexpr ObjectKind kKind = ObjectKind::kModelDesc;
  std::shared_ptr<LoadedModel> model;
};

// A loaded model by its id, and how the registry knows it.
struct FoundModel {
  std::shared_ptr<LoadedModel> model;
  const void* handle = nullptr;
  const void* context = nullptr;
};

// 145003 for an id that is not, or no longer, that of a model.
aclError FindModel(Call* call, uint32_t id, FoundModel* found);

// The same, and 107004 with a breach of order unless the model was loaded in
// the current context.
aclError FindModelOfContext(Call* call, uint32_t id, FoundModel* found);

// The extra input of a model with gears: one number.
inline constexpr size_t kGearBytes = sizeof(uint64_t);
inline constexpr size_t kGearInput = 1;  // index

// How many inputs a model has, and bytes of them and of the output for the
// largest batch.
size_t InputCount(const ModelFile& file);
size_t InputBytes(const ModelFile& file, size_t index);  // 0: no such input
size_t OutputBytes(const ModelFile& file);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_MODELS_H_
