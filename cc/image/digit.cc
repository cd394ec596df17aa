#include "cc/image/digit.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/image/image.h"
#include "cc/image/transform.h"

// Follows python/lenet/prediction/digit.py step by step, which has the units
// and the reasons for these constants.

namespace lenet {
namespace {

constexpr int kBox = 20;
constexpr int kCanvas = 28;
constexpr int kMinContrast = 32;
constexpr size_t kMinInk = 4;
constexpr uint8_t kMinCoverage = 51;
constexpr int kMaxShading = 96;
constexpr int64_t kMinSheet = 3;
constexpr int64_t kRectangular = 85;
constexpr int64_t kSmallSheet = 20;
constexpr int64_t kExact = 95;
constexpr int64_t kMinSheetInk = 5;
constexpr int64_t kMaxSheetInk = 450;
constexpr int kStroke = 2;
constexpr int kSpeck = 50;
constexpr int kFarSpeck = 4;
constexpr int kLine = 10;
constexpr int kPhotoSide = 64;
constexpr int kMaxSide = 1024;  // in picture.py

// An image, or a mask: 0 or 1.
struct Plane : GrayImage {
  Plane(const GrayImage& image) : GrayImage(image) {}  // NOLINT
  Plane(int rows, int columns) {
    height = rows;
    width = columns;
    pixels.resize(size_t(rows) * columns);
  }

  int size() const { return height * width; }
  int min_side() const { return std::min(height, width); }
  uint8_t& at(int y, int x) { return pixels[size_t(y) * width + x]; }
  uint8_t at(int y, int x) const { return pixels[size_t(y) * width + x]; }

  template <typename Function>
  Plane Map(Function function) const {
    Plane result = *this;
    for (uint8_t& pixel : result.pixels) pixel = uint8_t(function(pixel));
    return result;
  }
};

struct Box {
  int height() const { return bottom - top; }
  int width() const { return right - left; }
  bool Touches(const Plane& plane) const {
    return top == 0 || left == 0 || bottom == plane.height ||
           right == plane.width;
  }
  void Add(int y, int x) {
    *this = {std::min(top, y), std::max(bottom, y + 1), std::min(left, x),
             std::max(right, x + 1)};
  }

  int top = INT32_MAX;
  int bottom = 0;  // past the last row
  int left = INT32_MAX;
  int right = 0;
};

struct Region {
  std::vector<int> pixels;
  Box box;
};

Plane Crop(const Plane& plane, const Box& box) {
  Plane result(box.height(), box.width());
  for (int y = 0; y < result.height; ++y) {
    std::copy_n(&plane.pixels[size_t(box.top + y) * plane.width + box.left],
                result.width, &result.at(y, 0));
  }
  return result;
}

// Returns the connected regions of a mask by their first pixels, row by row.
std::vector<Region> Regions(Plane mask, bool diagonal = false) {
  std::vector<Region> regions;
  for (int start = 0; start < mask.size(); ++start) {
    if (mask.pixels[start] == 0) continue;
    mask.pixels[start] = 0;
    Region region{{start}, {}};
    for (size_t i = 0; i < region.pixels.size(); ++i) {
      const int y = region.pixels[i] / mask.width;
      const int x = region.pixels[i] % mask.width;
      region.box.Add(y, x);
      for (int v = std::max(y - 1, 0); v < std::min(y + 2, mask.height); ++v) {
        for (int u = std::max(x - 1, 0); u < std::min(x + 2, mask.width); ++u) {
          if (mask.at(v, u) == 0 || (!diagonal && v != y && u != x)) continue;
          mask.at(v, u) = 0;
          region.pixels.push_back(v * mask.width + u);
        }
      }
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

int Median(std::vector<uint8_t> values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Returns `count` pixels from `start`, `step` pixels apart.
std::vector<uint8_t> Line(const GrayImage& plane, int start, int step,
                          int count) {
  std::vector<uint8_t> line;
  for (int i = 0; i < count; ++i) {
    line.push_back(plane.pixels[start + i * step]);
  }
  return line;
}

std::pair<int, int> Range(const Plane& plane) {
  const auto [low, high] =
      std::minmax_element(plane.pixels.begin(), plane.pixels.end());
  return {*low, *high};
}

// Takes the median of each pixel and its 8 neighbours.
Plane MedianFiltered(const Plane& plane) {
  Plane result = plane;
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      std::array<uint8_t, 9> values;
      for (int i = 0; i < 9; ++i) {
        values[i] = plane.at(std::clamp(y + i / 3 - 1, 0, plane.height - 1),
                             std::clamp(x + i % 3 - 1, 0, plane.width - 1));
      }
      std::nth_element(values.begin(), values.begin() + 4, values.end());
      result.at(y, x) = values[4];
    }
  }
  return result;
}

int Otsu(const Plane& plane) {
  std::array<int, 256> counts = {};
  for (const uint8_t pixel : plane.pixels) ++counts[pixel];
  double total = 0;
  for (int level = 0; level < 256; ++level) total += level * counts[level];
  double below = 0;
  double sum = 0;
  double largest = 0;
  int best = 0;
  for (int level = 0; level < 256; ++level) {
    below += counts[level];
    sum += level * counts[level];
    const double above = plane.size() - below;
    if (below == 0 || above == 0) continue;
    const double distance = sum / below - (total - sum) / above;
    const double variance = below * above * (distance * distance);
    if (variance > largest) {
      largest = variance;
      best = level;
    }
  }
  return best;
}

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
    Box extent{INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN};
    for (const auto& [y, x] : ends) extent.Add(y * b + x * a, y * a - x * b);
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

Box Bounds(const Plane& plane, uint8_t above) {
  Box box;
  for (int i = 0; i < plane.size(); ++i) {
    if (plane.pixels[i] > above) box.Add(i / plane.width, i % plane.width);
  }
  return box;
}

struct Sheet {
  Box box;
  Plane inside;
};

// Returns the smallest rectangular sheet with ink on it.
std::optional<Sheet> FindSheet(const Plane& smooth) {
  const auto [low, high] = Range(smooth);
  if (smooth.min_side() < kPhotoSide || high - low < kMinContrast) return {};
  const int threshold = Otsu(smooth);
  std::optional<Plane> sheet;
  int64_t smallest = smooth.size();  // the whole picture is no sheet
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
      if (area < smallest && marks > kMinSheetInk * area &&
          marks < kMaxSheetInk * area &&
          IsRectangular(filled, area, exact ? kExact : kRectangular)) {
        smallest = area;
        sheet = std::move(filled);
      }
    }
  }
  if (!sheet) return {};
  const int margin = std::max(2, std::max(smooth.height, smooth.width) / 100);
  for (int i = 0; i < margin; ++i) sheet = Eroded(*sheet);
  const Box box = Bounds(*sheet, 0);
  if (std::min(box.height(), box.width()) < kPhotoSide / 2) return {};
  return Sheet{box, Crop(*sheet, box)};
}

// Returns the innermost sheet, as stored and smooth.
std::pair<Plane, Plane> InnermostSheet(Plane gray) {
  Plane smooth = Smooth(gray);
  for (int i = 0; i < 4; ++i) {
    const std::optional<Sheet> sheet = FindSheet(smooth);
    if (!sheet) break;
    gray = Crop(gray, sheet->box);
    smooth = Crop(smooth, sheet->box);
    std::vector<uint8_t> values;
    for (int p = 0; p < gray.size(); ++p) {
      if (sheet->inside.pixels[p] != 0) values.push_back(smooth.pixels[p]);
    }
    const auto paper = uint8_t(Median(std::move(values)));
    for (int p = 0; p < gray.size(); ++p) {
      if (sheet->inside.pixels[p] == 0) gray.pixels[p] = paper;
    }
    smooth = Smooth(gray);
  }
  return {std::move(gray), std::move(smooth)};
}

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

void RemoveMarks(Plane* ink) {
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
  if (kStroke * inner >= outer) {
    for (size_t i = 0; i < strokes.size(); ++i) {
      if (strokes[i].box.Touches(*ink)) sizes[i] = 0;
    }
  }
  const auto largest = std::max_element(sizes.begin(), sizes.end());
  const Box& digit = strokes[largest - sizes.begin()].box;
  const int near = std::max(digit.height(), digit.width()) / 4;
  for (size_t i = 0; i < strokes.size(); ++i) {
    const Box& box = strokes[i].box;
    const bool far =
        box.bottom < digit.top - near || box.top > digit.bottom + near ||
        box.right < digit.left - near || box.left > digit.right + near;
    if (sizes[i] * (far ? kFarSpeck : kSpeck) >= *largest) continue;
    for (const int pixel : strokes[i].pixels) ink->pixels[pixel] = 0;
  }
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

absl::StatusOr<GrayImage> ToMnist(Plane picture) {
  auto [gray, smooth] = InnermostSheet(std::move(picture));
  const auto [low, high] = Range(smooth);
  if (2 * BorderMedian(smooth) > low + high) {
    const auto inverted = [](int pixel) { return 255 - pixel; };
    gray = gray.Map(inverted);
    smooth = smooth.Map(inverted);
  }
  LENET_ASSIGN_OR_RETURN(Plane ink, Ink(smooth));
  if (gray.min_side() >= kPhotoSide) RemoveMarks(&ink);
  const Box box = Bounds(ink, kMinCoverage);
  if (IsMnistLike(gray, ink, std::max(box.height(), box.width()))) return gray;
  return Centred(Fitted(Crop(ink, box)));
}

}  // namespace

int BorderMedian(const GrayImage& image) {
  const int width = image.width;
  const int sides = image.height - 2;
  std::vector<uint8_t> border;
  for (const auto& [start, step, count] : {std::array{0, 1, width},
                                           {(sides + 1) * width, 1, width},
                                           {width, width, sides},
                                           {2 * width - 1, width, sides}}) {
    const std::vector<uint8_t> side = Line(image, start, step, count);
    border.insert(border.end(), side.begin(), side.end());
  }
  return Median(std::move(border));
}

absl::StatusOr<GrayImage> PrepareDigit(const std::vector<GrayImage>& planes) {
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
  return ToMnist(*std::move(best));
}

}  // namespace lenet
