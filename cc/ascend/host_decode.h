#ifndef CC_ASCEND_HOST_DECODE_H_
#define CC_ASCEND_HOST_DECODE_H_

#include "absl/status/statusor.h"
#include "cc/image/image.h"

namespace lenet::ascend {

// Decodes and resizes on this computer what DVPP cannot take, as cc/image does
// for every other engine. InvalidArgument if it is no JPEG or PNG, is damaged,
// or is pixels of another size than it says.
absl::StatusOr<GrayImage> DecodeOnHost(const SourceImage& source, int height,
                                       int width);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_HOST_DECODE_H_
