#include "cc/ascend/host_decode.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/status_macros.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"

namespace lenet::ascend {
namespace {

absl::StatusOr<GrayImage> Pixels(const SourceImage& source) {
  if (source.height <= 0) return DecodeImage(source.content);
  const size_t expected =
      static_cast<size_t>(source.height) * static_cast<size_t>(source.width);
  if (source.width <= 0 || source.content.size() != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", source.height, "x", source.width,
                     " pixels, found ", source.content.size(), " bytes"));
  }
  GrayImage image{source.height, source.width, {}};
  image.pixels.assign(source.content.begin(), source.content.end());
  return image;
}

}  // namespace

absl::StatusOr<GrayImage> DecodeOnHost(const SourceImage& source, int height,
                                       int width) {
  LENET_ASSIGN_OR_RETURN(const GrayImage image, Pixels(source));
  return Resize(image, height, width);
}

}  // namespace lenet::ascend
