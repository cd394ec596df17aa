#ifndef CC_ASCEND_SIM_MODEL_FILE_H_
#define CC_ASCEND_SIM_MODEL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/engine/graph/graph.h"

// The model files of the simulator, in place of ATC's OM files, whose format is
// not public. cc/ascend/testing/om.py writes them. Header in model_file.cc
// defines the format.

namespace lenet::ascend::sim {

enum class AippFormat : uint32_t { kNone = 0, kYuv400 = 1, kYuv420sp = 2 };

struct ModelFile {
  std::string soc;
  AippFormat aipp = AippFormat::kNone;
  float aipp_mean = 0;
  float aipp_min = 0;
  float aipp_var_reci = 0;
  uint32_t height = 0;
  uint32_t width = 0;
  bool half_output = false;
  std::vector<uint32_t> gears;
  uint32_t batch = 0;  // the largest gear, if there are gears
  std::string input_name;
  std::string output_name;
  size_t body_bytes = 0;
  std::unique_ptr<graph::Graph> graph;  // for one image

  size_t pixels() const { return size_t{height} * width; }
  // Bytes of one image for the model, and of the logits of one image.
  size_t image_bytes() const;
  size_t output_bytes() const;

  // The inputs: images and, with gears, the batch size as a uint64.
  size_t input_count() const { return gears.empty() ? 1 : 2; }
};

// Reads a model file. Returns 145000, or 545002 or 545003 for a damaged body,
// and sets `error`.
aclError ReadModelFile(absl::string_view file, ModelFile* model,
                       std::string* error);

// Runs the network once per image of image_bytes() bytes; writes output_bytes()
// bytes each. Returns false at the first image that contains NaN.
bool RunModel(const ModelFile& model, uint64_t batch, const char* images,
              char* logits);

// Returns the bits of the nearest float16 (IEEE 754 binary16), ties to even.
// Larger values become infinity.
uint16_t FloatToHalf(float value);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_MODEL_FILE_H_
