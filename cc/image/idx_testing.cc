#include "cc/image/idx_testing.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace lenet {
namespace {

std::string BigEndian(size_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
  }
  return bytes;
}

}  // namespace

std::string IdxOfImages(const std::vector<uint8_t>& values) {
  std::string file = absl::StrCat(BigEndian(0x0803), BigEndian(values.size()),
                                  BigEndian(28), BigEndian(28));
  for (const uint8_t value : values) {
    file.append(28 * 28, static_cast<char>(value));
  }
  return file;
}

std::string IdxOfLabels(const std::vector<uint8_t>& labels) {
  return absl::StrCat(BigEndian(0x0801), BigEndian(labels.size()),
                      std::string(labels.begin(), labels.end()));
}

}  // namespace lenet
