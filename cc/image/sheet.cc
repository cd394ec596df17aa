#include "cc/image/sheet.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/base/error.h"
#include "cc/image/pixels.h"
#include "cc/image/row.h"

namespace lenet {
namespace {

constexpr int kMaxShading = 96;
constexpr int64_t kMinSheet = 3;
constexpr int64_t kRectangular = 85;
constexpr int64_t kWhole = 95;
constexpr int64_t kSmallSheet = 20;
constexpr int64_t kExact = 95;
constexpr int64_t kMinSheetInk = 5;
constexpr int64_t kMaxSheetInk = 450;

// Removes noise and even shading from a photo.
Plane Smooth(const Plane& gray) {
  if (gray.min_side() < kPhotoSide) return gray;
  Plane smooth = MedianFiltered(gray);
  const int height = gray.height;
  const int width = gray.width;
  const int paper = BorderMedian(smooth);
  // Returns the light at a place between two sides, relative to the middle.
  const auto shading = [paper](int first, int last, int end) {
    const bool even =
        std::max(std::abs(first - paper), std::abs(last - paper)) < kMaxShading;
    const int range = even ? last - first : 0;
    return [=](int i) {
      return (i * range + 256 * end) / end -
             (end / 2 * range + 256 * end) / end;
    };
  };
  const auto across =
      shading(Median(Line(smooth, 0, width, height)),
              Median(Line(smooth, width - 1, width, height)), width - 1);
  const auto down =
      shading(Median(Line(smooth, 0, 1, width)),
              Median(Line(smooth, (height - 1) * width, 1, width)), height - 1);
  for (int i = 0; i < smooth.size(); ++i) {
    const int flat = smooth.pixels[i] - across(i % width) - down(i / width);
    smooth.pixels[i] = uint8_t(std::clamp(flat, 0, 255));
  }
  return smooth;
}

// Returns the mask of a region with its holes.
Plane Filled(const Region& region, const Plane& picture) {
  Plane filled(picture.height, picture.width);
  for (const int pixel : region.pixels) filled.pixels[pixel] = 1;
  for (const Region& other : Regions(filled.Map([](int x) { return 1 - x; }))) {
    if (other.box.Touches(picture)) continue;
    for (const int pixel : other.pixels) filled.pixels[pixel] = 1;
  }
  return filled;
}

bool IsRectangular(const Plane& mask, int64_t area, int64_t percent) {
  std::vector<std::pair<int, int>> ends;  // of each row
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0, last = -1; x < mask.width; ++x) {
      if (mask.at(y, x) == 0) continue;
      if (last >= 0) ends.pop_back();
      if (last < 0) ends.emplace_back(y, x);
      ends.emplace_back(y, last = x);
    }
  }
  for (int step = 0; step < 32; ++step) {
    const int a = step < 16 ? 16 : 32 - step;
    const int b = std::min(step, 16);
    Box extent;
    for (const auto& [y, x] : ends) {
      const int v = y * b + x * a;
      const int u = y * a - x * b;
      extent.Add({v, v + 1, u, u + 1});
    }
    const int64_t around =
        int64_t{extent.height() - 1 + a + b} * (extent.width() - 1 + a + b);
    if (100 * area * (a * a + b * b) > percent * around) return true;
  }
  return false;
}

Plane Eroded(const Plane& mask) {
  Plane result = mask;
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      result.at(y, x) = mask.at(y, x) & mask.at(std::max(y - 1, 0), x) &
                        mask.at(std::min(y + 1, mask.height - 1), x) &
                        mask.at(y, std::max(x - 1, 0)) &
                        mask.at(y, std::min(x + 1, mask.width - 1));
    }
  }
  return result;
}

// A region with its holes.
struct Candidate {
  int64_t area = 0;
  bool light = false;
  Box box;
  Plane filled;
};

// The pixels of a sheet, relative to its box.
struct Part {
  Box box;
  Plane inside;
};

// Checks that the ink in a row of boxes reaches no line, which would hide it.
absl::Status CheckBoxes(const std::vector<Candidate>& cells,
                        const std::vector<Candidate>& sheets) {
  for (const Candidate& sheet : sheets) {
    for (const Candidate& cell : cells) {
      const int height = std::max(sheet.box.height(), cell.box.height());
      if (sheet.light != cell.light || sheet.box.Overlaps(cell.box) ||
          -5 * sheet.box.RowsBetween(cell.box) < 4 * height) {
        continue;
      }
      for (const auto& [box, filled] : {std::tie(sheet.box, sheet.filled),
                                        std::tie(cell.box, cell.filled)}) {
        const int down = box.height() / 5;
        const int across = box.width() / 5;
        const Plane inside =
            Crop(filled, {box.top + down, box.bottom - down, box.left + across,
                          box.right - across});
        if (Range(inside).first == 0) {
          return InvalidArgument(
              "ink on the lines of a box: crop the picture to one digit");
        }
      }
    }
  }
  return absl::OkStatus();
}

// Returns the rectangular sheets with ink on them from left to right, without
// those around another one.
absl::StatusOr<std::vector<Part>> FindSheets(const Plane& smooth) {
  const auto [low, high] = Range(smooth);
  if (smooth.min_side() < kPhotoSide || high - low < kMinContrast)
    return std::vector<Part>();
  const int threshold = Otsu(smooth);
  std::vector<Candidate> cells;
  std::vector<Candidate> found;
  for (const bool light : {true, false}) {
    const auto on_side = [&](int x) { return (x > threshold) == light; };
    for (const Region& region : Regions(smooth.Map(on_side))) {
      const auto count = static_cast<int64_t>(region.pixels.size());
      if (100 * count <= kMinSheet * smooth.size()) continue;
      Plane filled = Filled(region, smooth);
      const int64_t area =
          std::count(filled.pixels.begin(), filled.pixels.end(), 1);
      const int64_t marks = 1000 * (area - count);
      const bool exact = 100 * area < kSmallSheet * smooth.size();
      const bool whole = region.box.height() == smooth.height &&
                         region.box.width() == smooth.width &&
                         100 * area >= kWhole * smooth.size();
      if (!whole && marks > kMinSheetInk * area &&
          marks < kMaxSheetInk * area &&
          IsRectangular(filled, area, exact ? kExact : kRectangular)) {
        found.push_back({area, light, region.box, filled});
      }
      cells.push_back({area, light, region.box, std::move(filled)});
    }
  }
  std::stable_sort(
      found.begin(), found.end(),
      [](const auto& a, const auto& b) { return a.area < b.area; });
  std::vector<Candidate> innermost;
  for (Candidate& sheet : found) {
    const auto overlaps = [&sheet](const Candidate& smaller) {
      return sheet.box.Overlaps(smaller.box);
    };
    if (std::none_of(innermost.begin(), innermost.end(), overlaps)) {
      innermost.push_back(std::move(sheet));
    }
  }
  LENET_RETURN_IF_ERROR(CheckBoxes(cells, innermost));
  std::vector<Part> sheets;
  const int margin = std::max(2, std::max(smooth.height, smooth.width) / 100);
  for (Candidate& sheet : innermost) {
    for (int i = 0; i < margin; ++i) sheet.filled = Eroded(sheet.filled);
    const Box inside = Bounds(sheet.filled, 0);
    if (inside.top < inside.bottom &&
        std::min(inside.height(), inside.width()) >= kPhotoSide / 2) {
      sheets.push_back({inside, Crop(sheet.filled, inside)});
    }
  }
  std::stable_sort(
      sheets.begin(), sheets.end(),
      [](const auto& a, const auto& b) { return a.box.left < b.box.left; });
  return sheets;
}

}  // namespace

absl::StatusOr<std::vector<Sheet>> InnermostSheets(Plane gray, int depth) {
  Plane smooth = Smooth(gray);
  std::vector<Part> parts;
  if (depth > 0) {
    LENET_ASSIGN_OR_RETURN(parts, FindSheets(smooth));
  }
  std::vector<Sheet> sheets;
  if (parts.empty()) {
    sheets.push_back({std::move(gray), std::move(smooth)});
    return sheets;
  }
  std::vector<Box> boxes;
  for (const Part& part : parts) boxes.push_back(part.box);
  LENET_RETURN_IF_ERROR(CheckInLine(boxes));
  for (const auto& [box, inside] : parts) {
    Plane sheet = Crop(gray, box);
    const Plane paper = Crop(smooth, box);
    std::vector<uint8_t> values;
    for (int p = 0; p < sheet.size(); ++p) {
      if (inside.pixels[p] != 0) values.push_back(paper.pixels[p]);
    }
    const auto level = uint8_t(Median(std::move(values)));
    for (int p = 0; p < sheet.size(); ++p) {
      if (inside.pixels[p] == 0) sheet.pixels[p] = level;
    }
    LENET_ASSIGN_OR_RETURN(std::vector<Sheet> inner,
                           InnermostSheets(std::move(sheet), depth - 1));
    std::move(inner.begin(), inner.end(), std::back_inserter(sheets));
  }
  return sheets;
}

}  // namespace lenet
