#include "cc/image/digit.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/image/image.h"
#include "cc/image/pixels.h"
#include "cc/image/row.h"
#include "cc/image/sheet.h"
#include "cc/image/transform.h"

// Follows python/lenet/prediction/digit.py step by step, which has the units
// and the reasons for these constants.

namespace lenet {
namespace {

constexpr int kBox = 20;
constexpr int kCanvas = 28;
constexpr size_t kMinInk = 4;
constexpr uint8_t kMinCoverage = 51;
constexpr int kStroke = 2;
constexpr int kSpeck = 50;
constexpr int kFarSpeck = 4;
constexpr int kMark = 20;
constexpr int kLine = 10;
constexpr int kMaxNested = 4;
constexpr int kMaxSide = 1024;  // in picture.py

// Returns the ink coverage of each pixel.
absl::StatusOr<Plane> Ink(const Plane& light_ink) {
  const int paper = BorderMedian(light_ink);
  if (Range(light_ink).second - paper < kMinContrast) {
    return InvalidArgument(
        "no ink: expected a digit that differs from its paper by at least ",
        kMinContrast, " of 255 gray levels");
  }
  const int threshold = Otsu(light_ink);
  std::vector<uint8_t> above;
  for (const uint8_t pixel : light_ink.pixels) {
    if (pixel > threshold) above.push_back(pixel);
  }
  if (above.size() < kMinInk) {
    return InvalidArgument("no ink: found only a few pixels of it");
  }
  const int none = std::max(paper, (paper + threshold) / 2);
  const int full = std::max(Median(std::move(above)), none + 1);
  return light_ink.Map([&](int pixel) {
    return std::clamp(pixel - none, 0, full - none) * 255 / (full - none);
  });
}

// Removes specks, ruled lines, and strokes that reach the edge if a digit is
// inside.
absl::Status RemoveMarks(Plane* ink) {
  const std::vector<Region> strokes =
      Regions(ink->Map([](int x) { return x > kMinCoverage; }), true);
  const auto is_ruled = [](const Region& stroke) {
    return stroke.box.width() > kLine * stroke.box.height();
  };
  const bool all_ruled = std::all_of(strokes.begin(), strokes.end(), is_ruled);
  std::vector<int> sizes;
  int inner = 0;
  int outer = 0;
  for (const Region& stroke : strokes) {
    const bool counts = all_ruled || !is_ruled(stroke);
    sizes.push_back(counts ? int(stroke.pixels.size()) : 0);
    int& largest = stroke.box.Touches(*ink) ? outer : inner;
    largest = std::max(largest, sizes.back());
  }
  std::vector<int> kept = sizes;
  if (kStroke * inner >= outer) {
    for (size_t i = 0; i < strokes.size(); ++i) {
      if (strokes[i].box.Touches(*ink)) kept[i] = 0;
    }
  }
  const auto largest = std::max_element(kept.begin(), kept.end());
  const Box& digit = strokes[largest - kept.begin()].box;
  const int near = std::max(digit.height(), digit.width()) / 4;
  for (size_t i = 0; i < strokes.size(); ++i) {
    const Box& box = strokes[i].box;
    const bool like_digit = 2 * box.height() >= digit.height() &&
                            2 * box.height() <= 3 * digit.height() &&
                            -2 * box.RowsBetween(digit) >= box.height();
    if (like_digit && kFarSpeck * (sizes[i] - kept[i]) >= *largest) {
      return InvalidArgument(
          "a digit is cut off at the edge: crop the picture or leave a margin");
    }
    const bool in_row = 5 * box.height() >= digit.height() &&
                        -2 * box.RowsBetween(digit) >= box.height() &&
                        kMark * kept[i] >= *largest;
    const bool far =
        !like_digit && !in_row &&
        (box.RowsBetween(digit) > near || box.ColumnsBetween(digit) > near);
    if (kept[i] * (far ? kFarSpeck : kSpeck) >= *largest) continue;
    for (const int pixel : strokes[i].pixels) ink->pixels[pixel] = 0;
  }
  return absl::OkStatus();
}

// Sums of ink, ink times row, and ink times column.
struct Moments {
  explicit Moments(const Plane& plane) {
    for (int i = 0; i < plane.size(); ++i) {
      const int64_t pixel = plane.pixels[i];
      ink += pixel;
      rows += pixel * (i / plane.width);
      columns += pixel * (i % plane.width);
    }
  }

  int64_t ink = 0;
  int64_t rows = 0;
  int64_t columns = 0;
};

bool IsMnistLike(const Plane& light_ink, const Plane& ink, int longer_side) {
  const int side = light_ink.height;
  if (side != light_ink.width || (side != 28 && side != 32) ||
      BorderMedian(light_ink) > 0) {
    return false;
  }
  const Moments sums(ink);
  const int64_t middle = (side - 1) * sums.ink;
  const int64_t offset = std::max(std::abs(2 * sums.rows - middle),
                                  std::abs(2 * sums.columns - middle));
  return std::abs(longer_side * kCanvas - kBox * side) <= 3 * side &&
         offset * kCanvas <= 4 * side * sums.ink;
}

// Averages squares of `step` pixels per side; leaves out the rest.
Plane Shrunk(const Plane& plane, int step) {
  const int down = std::min(step, plane.height);
  const int across = std::min(step, plane.width);
  Plane result(plane.height / down, plane.width / across);
  for (int i = 0; i < result.size(); ++i) {
    int sum = down * across / 2;
    for (int square = 0; square < down * across; ++square) {
      sum += plane.at(i / result.width * down + square / across,
                      i % result.width * across + square % across);
    }
    result.pixels[i] = uint8_t(sum / (down * across));
  }
  return result;
}

// Scales the ink so that its longer side is 20 pixels.
Plane Fitted(const Plane& ink) {
  const int longer = std::max(ink.height, ink.width);
  const auto scaled = [longer](int side) {
    return std::max(1, (2 * side * kBox + longer) / (2 * longer));
  };
  const Plane small = Shrunk(ink, (longer + 2 * kBox - 1) / (2 * kBox));
  Plane fitted(scaled(ink.height), scaled(ink.width));
  Resizer(small.height, small.width, fitted.height, fitted.width)
      .Resize(small.pixels, absl::MakeSpan(fitted.pixels));
  const int largest = std::max(Range(fitted).second, 1);
  return fitted.Map([largest](int pixel) {
    return std::min(pixel * 255 * 9 / (8 * largest), 255);
  });
}

// Puts the centre of mass in the middle of an empty image, if it fits.
Plane Centred(const Plane& ink) {
  const Moments sums(ink);
  const auto first = [&sums](int64_t moment, int side) {
    const int64_t place = (kCanvas * sums.ink - 2 * moment) / (2 * sums.ink);
    return int(std::clamp<int64_t>(place, 0, kCanvas - side));
  };
  const int top = first(sums.rows, ink.height);
  const int left = first(sums.columns, ink.width);
  Plane canvas(kCanvas, kCanvas);
  for (int y = 0; y < ink.height; ++y) {
    std::copy_n(&ink.pixels[size_t(y) * ink.width], ink.width,
                &canvas.at(top + y, left));
  }
  return canvas;
}

// Appends the images of the digits on a sheet.
absl::Status AppendDigits(Sheet sheet, std::vector<GrayImage>* images) {
  auto& [gray, smooth] = sheet;
  const auto [low, high] = Range(smooth);
  if (2 * BorderMedian(smooth) > low + high) {
    const auto inverted = [](int pixel) { return 255 - pixel; };
    gray = gray.Map(inverted);
    smooth = smooth.Map(inverted);
  }
  LENET_ASSIGN_OR_RETURN(Plane ink, Ink(smooth));
  if (gray.min_side() >= kPhotoSide) LENET_RETURN_IF_ERROR(RemoveMarks(&ink));
  const Box box = Bounds(ink, kMinCoverage);
  if (IsMnistLike(gray, ink, std::max(box.height(), box.width()))) {
    images->push_back(std::move(gray));
    return absl::OkStatus();
  }
  LENET_ASSIGN_OR_RETURN(const std::vector<Plane> digits,
                         SplitRow(ink, kMinCoverage));
  for (const Plane& digit : digits) images->push_back(Centred(Fitted(digit)));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<GrayImage>> PrepareDigits(
    const std::vector<GrayImage>& planes) {
  std::optional<Plane> best;
  int most = 0;
  for (const GrayImage& image : planes) {
    const int longer = std::max(image.height, image.width);
    Plane plane = Shrunk(image, (longer + kMaxSide - 1) / kMaxSide);
    const auto [low, high] = Range(MedianFiltered(plane));
    // Colour must have more than twice the contrast of gray.
    if (best && high - low <= most) continue;
    most = best ? high - low : 2 * (high - low);
    best = std::move(plane);
  }
  LENET_ASSIGN_OR_RETURN(std::vector<Sheet> sheets,
                         InnermostSheets(*std::move(best), kMaxNested));
  std::vector<GrayImage> images;
  for (Sheet& sheet : sheets) {
    LENET_RETURN_IF_ERROR(AppendDigits(std::move(sheet), &images));
  }
  return images;
}

}  // namespace lenet
