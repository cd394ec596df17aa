#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/fuzz/fuzz.h"
#include "cc/inference/config_file.h"

namespace lenet {

std::vector<std::string> FuzzSeeds() {
  // Every kind of YAML that a file of options may contain.
  constexpr char kYaml[] = R"(%YAML 1.1
---
infer310: {limit: 0x10, engine: "native", batch_size: 1_000}
device:
  device_target: &where CPU
  device_id: 010
train:
  - [1, 2.5e+3, ~, 'text', !!str 5]
image_height: |
  32
? image_width
: >-
  3
  2
mindir_path: *where
...
)";
  return {kYaml, ReadTestFile(
                     TestData("lenet_mindspore/configs/default_config.yaml"))};
}

}  // namespace lenet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto values =
      lenet::ParseConfig("config", std::string(data, data + size));
  if (!values.ok() &&
      values.status().code() != absl::StatusCode::kInvalidArgument) {
    std::abort();
  }
  return 0;
}
