#ifndef CC_IMAGE_GOLDEN_H_
#define CC_IMAGE_GOLDEN_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lenet {

// Reads the content of a record that golden.py wrote, from its start to its
// end. Reading past the end ends the program: the test data is broken.
class GoldenRecord {
 public:
  explicit GoldenRecord(absl::string_view content) : rest_(content) {}

  std::string Bytes(size_t size);
  std::vector<uint8_t> Pixels(size_t size);
  std::vector<float> Floats(size_t count);
  int32_t Int();
  bool AtEnd() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
};

// The records of golden.bin whose names start with `prefix`, by name.
std::map<std::string, std::string> ReadGolden(absl::string_view prefix);

}  // namespace lenet

#endif  // CC_IMAGE_GOLDEN_H_
