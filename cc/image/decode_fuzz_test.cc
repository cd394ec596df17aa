#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/fuzz/fuzz.h"
#include "cc/image/decode.h"
#include "cc/image/digit.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

void Expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  std::vector<std::string> files;
  for (const auto& [name, image] : GoldenImages()) files.push_back(image.file);
  return files;
}

}  // namespace lenet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lenet::Expect;
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lenet::GrayImage> image = lenet::DecodeImage(content);
  Expect(image.ok() || absl::IsInvalidArgument(image.status()));
  if (image.ok()) {
    Expect(image->pixels.size() == static_cast<size_t>(image->height) *
                                       static_cast<size_t>(image->width));
    lenet::Resize(*image, 32, 32);
    const auto planes = lenet::DecodePlanes(content);
    Expect(planes.ok());
    static_cast<void>(lenet::PrepareDigits(*planes));
  }

  const absl::StatusOr<lenet::JpegHeader> header =
      lenet::ParseJpegHeader(content);
  Expect(header.ok() || absl::IsInvalidArgument(header.status()));
  if (header.ok() && image.ok()) {
    const bool turned = header->orientation >= 5;  // by 90 degrees
    Expect(image->height == (turned ? header->width : header->height));
    Expect(image->width == (turned ? header->height : header->width));
  }
  return 0;
}
