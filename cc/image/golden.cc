#include "cc/image/golden.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"

namespace lenet {

// Numbers are taken as they lie: golden.bin is little-endian, as are the
// machines that this project runs on.

std::string GoldenRecord::Bytes(size_t size) {
  if (size > rest_.size()) std::abort();
  const std::string bytes(rest_.substr(0, size));
  rest_.remove_prefix(size);
  return bytes;
}

std::vector<uint8_t> GoldenRecord::Pixels(size_t size) {
  const std::string bytes = Bytes(size);
  return std::vector<uint8_t>(bytes.begin(), bytes.end());
}

std::vector<float> GoldenRecord::Floats(size_t count) {
  const std::string bytes = Bytes(count * sizeof(float));
  std::vector<float> floats(count);
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

int32_t GoldenRecord::Int() {
  const std::string bytes = Bytes(sizeof(int32_t));
  int32_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

std::map<std::string, std::string> ReadGolden(absl::string_view prefix) {
  const std::string content =
      ReadTestFile(TestData("lenet_mindspore/cc/image/golden.bin"));
  GoldenRecord file(content);
  std::map<std::string, std::string> records;
  while (!file.AtEnd()) {
    const std::string name = file.Bytes(static_cast<size_t>(file.Int()));
    const std::string record = file.Bytes(static_cast<size_t>(file.Int()));
    if (absl::StartsWith(name, prefix)) records[name] = record;
  }
  return records;
}

}  // namespace lenet
