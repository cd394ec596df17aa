#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/decode.h"
#include "cc/image/image.h"
#include "cc/image/resize.h"

// Any bytes are an image, which can be resized, or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<lenet::GrayImage> image = lenet::DecodeImage(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!image.ok()) {
    if (image.status().code() != absl::StatusCode::kInvalidArgument) {
      std::abort();
    }
    return 0;
  }
  if (image->pixels.size() !=
      static_cast<size_t>(image->height) * static_cast<size_t>(image->width)) {
    std::abort();
  }
  lenet::Resize(*image, 32, 32);
  return 0;
}
