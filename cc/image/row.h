#ifndef CC_IMAGE_ROW_H_
#define CC_IMAGE_ROW_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/image/pixels.h"

// Separates the digits of a row: lenet.prediction.row in Python, which has the
// units and the reasons for the constants.

namespace lenet {

// Returns the ink of each digit, from left to right. `ink`: coverage, with at
// least one pixel above `min_coverage`; paler pixels do not connect strokes.
// InvalidArgument if digits touch, are not in one row, or cannot be told from
// strokes.
absl::StatusOr<std::vector<Plane>> SplitRow(const Plane& ink,
                                            uint8_t min_coverage);

// Checks that boxes, from left to right, are in one row.
absl::Status CheckInLine(const std::vector<Box>& boxes);

}  // namespace lenet

#endif  // CC_IMAGE_ROW_H_
