#ifndef CC_ASCEND_OM_TESTING_H_
#define CC_ASCEND_OM_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"

namespace lenet::ascend {

// A model file of the simulator (see cc/ascend/sim/model_file.cc): the default
// is the trained LeNet of the build as a static model for floats.
struct OmOptions {
  std::string soc = "Ascend310";
  aclDataType input_type = ACL_FLOAT;
  uint32_t aipp_format = 0;  // 1: YUV400_U8, 2: YUV420SP_U8
  float aipp_mean = 33;
  float aipp_min = 0.3285f;
  float aipp_var_reci = 0.0127283f;
  uint32_t height = 32;
  uint32_t width = 32;
  bool half_output = false;
  std::vector<uint32_t> gears;
  uint32_t batch = 1;
};

// With an AIPP, for bytes.
OmOptions LumaOm(uint32_t batch = 1);

// The content of the file.
std::string SimulatorOm(const OmOptions& options = OmOptions());

}  // namespace lenet::ascend

#endif  // CC_ASCEND_OM_TESTING_H_
