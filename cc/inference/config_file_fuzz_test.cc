#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "cc/inference/config_file.h"

// Any bytes are options or an error of the user.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto values =
      lenet::ParseConfig("config", std::string(data, data + size));
  if (!values.ok() &&
      values.status().code() != absl::StatusCode::kInvalidArgument) {
    std::abort();
  }
  return 0;
}
