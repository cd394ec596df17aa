#ifndef CC_ASCEND_OM_TESTING_H_
#define CC_ASCEND_OM_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"

namespace lenet::ascend {

// Options of a model file for the simulator (cc/ascend/sim/model_file.cc). The
// default is the trained LeNet with float32 input and batch 1.
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

// Returns the options of a model with AIPP for uint8 input.
OmOptions LumaOm(uint32_t batch = 1);

// Returns the content of a model file.
std::string SimulatorOm(const OmOptions& options = OmOptions());

}  // namespace lenet::ascend

#endif  // CC_ASCEND_OM_TESTING_H_
