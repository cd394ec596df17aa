#ifndef CC_ASCEND_SIM_MODEL_FILE_H_
#define CC_ASCEND_SIM_MODEL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/engine/graph/graph.h"

// The model files of the simulator, in place of ATC's OM files, whose format is
// not public. All numbers are little-endian:
//
//   char     magic[8]      "SIMOM001"
//   uint32   header_bytes  160
//   uint32   body_crc32    of zlib
//   char     soc[32]       the chip it is for, zeros after it
//   uint32   input_type    0 ACL_FLOAT, 4 ACL_UINT8 (then there is an AIPP)
//   uint32   aipp_format   0 none, 1 YUV400_U8, 2 YUV420SP_U8
//   float32  aipp_mean, aipp_min, aipp_var_reci
//   uint32   height, width
//   uint32   output_type   0 ACL_FLOAT, 1 ACL_FLOAT16
//   uint32   gear_count    0 to 16; 0: a static batch
//   uint32   gears[16]     ascending
//   uint32   batch         of a model without gears
//   uint64   body_bytes    the rest of the file
//
// The body is a MindIR of batch 1, as //python:export writes it.
// python/lenet/simom writes such files.

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
  uint32_t batch = 0;  // the largest gear, if there are any
  std::string input_name;
  std::string output_name;
  size_t body_bytes = 0;
  // Of one image. One Run at a time: `mutex` of LoadedModel.
  std::unique_ptr<graph::Graph> graph;

  size_t pixels() const { return size_t{height} * width; }
  // Bytes of one image, as the application delivers it.
  size_t image_bytes() const;
  // Bytes of the logits of one image.
  size_t output_bytes() const;
};

// Why a file is no model.
struct ModelFileError {
  aclError code = 0;  // 145000; 545002 or 545003 for a damaged body
  std::string text;
};

std::variant<ModelFile, ModelFileError> ReadModelFile(absl::string_view file);

// One image to the float32 [height, width] that the network takes: AIPP in
// float16, each operation rounded, or a copy. `image` has image_bytes() bytes.
void PrepareImage(const ModelFile& model, const char* image, float* tensor);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_MODEL_FILE_H_
