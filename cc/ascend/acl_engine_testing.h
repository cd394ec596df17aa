#ifndef CC_ASCEND_ACL_ENGINE_TESTING_H_
#define CC_ASCEND_ACL_ENGINE_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/session_testing.h"
#include "cc/engine/engine.h"

// What the tests of engine acl on the simulator have in common.

namespace lenet {

inline constexpr size_t kTestImages = 7;

// The largest difference of a logit from the native engine's. Logits are up to
// about 20.
inline constexpr float kExact = 1e-4f;
inline constexpr float kHalf = 0.02f;  // of logits as float16
inline constexpr float kAipp = 0.2f;   // float16 within the AIPP

// kTestImages different pictures [32, 32], one after the other: the digit of
// the self-test, moved down row by row.
struct Images {
  std::vector<uint8_t> luma;
  std::vector<float> tensors;
  std::vector<float> logits;  // of the native engine
};

Images MakeImages();

// One batch as it is given to an engine, with its memory.
struct HeldBatch {
  std::vector<float> tensors;
  std::vector<uint8_t> luma;
  std::vector<SourceImage> files;
  Batch batch;
};

// `size` images from number `first` on, in the engine's form; of files, image 0
// is a JPEG and the others are pixels.
HeldBatch MakeBatch(const Images& images, const Engine& engine, size_t first,
                    size_t size);

// The logits of all images, in batches as large and as many under way as the
// engine takes.
absl::StatusOr<std::vector<float>> RunAll(const Images& images, Engine* engine);

// A model, and how the engine is made of it.
struct AclCase {
  ascend::OmOptions om;
  bool dvpp = false;
  bool self_test = true;
};

// For LENET_EXPECT_IN_CHILD: makes an engine, and uses it.
using EngineUse = std::function<absl::Status(Engine*)>;
std::function<absl::Status()> WithEngine(const AclCase& c, EngineUse use);

// Makes it only.
std::function<absl::Status()> OpenOnly(const AclCase& c);

// Runs all images and compares the logits.
std::function<absl::Status()> Compare(const AclCase& c, const Images& images,
                                      float tolerance);

// Settings of the simulator for the run mode "host" or "device".
ascend::SimSettings Mode(const std::string& mode);

}  // namespace lenet

#endif  // CC_ASCEND_ACL_ENGINE_TESTING_H_
