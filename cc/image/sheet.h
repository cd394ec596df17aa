#ifndef CC_IMAGE_SHEET_H_
#define CC_IMAGE_SHEET_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cc/image/pixels.h"

namespace lenet {

// The pixels of a sheet of paper.
struct Sheet {
  Plane gray;    // as stored
  Plane smooth;  // without noise and even shading
};

inline constexpr int kPhotoSide = 64;
inline constexpr int kMinContrast = 32;

// Returns the innermost sheets, frames or table cells with ink on them, from
// left to right, at most `depth` inside each other; without any, the picture.
// InvalidArgument if they are not in one row. lenet.prediction.digit in Python
// has the units and the reasons for the constants.
absl::StatusOr<std::vector<Sheet>> InnermostSheets(Plane gray, int depth);

}  // namespace lenet

#endif  // CC_IMAGE_SHEET_H_
