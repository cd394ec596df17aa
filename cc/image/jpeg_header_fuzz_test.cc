#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/image/decode.h"
#include "cc/image/image.h"
#include "cc/image/jpeg_header.h"

// Any bytes are a header or an error, and what libjpeg decodes too has the size
// that the header says.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lenet::JpegHeader> header =
      lenet::ParseJpegHeader(content);
  if (!header.ok()) {
    if (header.status().code() != absl::StatusCode::kInvalidArgument) {
      std::abort();
    }
    return 0;
  }
  if (header->height < 1 || header->width < 1 || header->components < 1 ||
      header->components > 4 || header->orientation < 1 ||
      header->orientation > 8) {
    std::abort();
  }
  const absl::StatusOr<lenet::GrayImage> image = lenet::DecodeJpeg(content);
  if (image.ok() &&
      (image->height != header->height || image->width != header->width)) {
    std::abort();
  }
  return 0;
}
