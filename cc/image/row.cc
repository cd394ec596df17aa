#include "cc/image/row.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/base/error.h"
#include "cc/image/pixels.h"

namespace lenet {
namespace {

struct Share {
  bool IsReached(int size, int of) const {
    return int64_t{size} * denominator >= int64_t{of} * numerator;
  }

  int numerator;
  int denominator;
};

constexpr Share kWhole{1, 2};
constexpr Share kSure{3, 4};
constexpr Share kClose{1, 6};
constexpr Share kFar{1, 3};
constexpr Share kLineSpace{1, 10};
constexpr Share kEnclosed{1, 4};
constexpr int kWide = 2;

struct Joint {
  Share width;   // of the ink
  Share extent;  // of the ink in the column where two digits touch
  Share sides;   // height of the ink on each side of the column
};

constexpr Joint kTouching[] = {{{4, 5}, {1, 3}, {9, 10}},
                               {{1, 1}, {9, 20}, {17, 20}},
                               {{13, 10}, {1, 3}, {7, 10}}};

absl::Status SeveralRows() {
  return InvalidArgument(
      "several rows of digits, expected one: crop the picture to one row");
}

struct Digit {
  Box box;
  std::vector<size_t> strokes;  // indices
};

// Returns whether the second box is inside of the first one.
bool Holds(const Box& outer, const Box& inner) {
  return outer.RowsBetween(inner) == -inner.height() &&
         outer.ColumnsBetween(inner) == -inner.width();
}

// Returns the digits that strokes form, from left to right.
absl::StatusOr<std::vector<Digit>> FormDigits(
    const std::vector<Region>& regions) {
  std::vector<Digit> strokes;
  int tallest = 0;
  for (size_t i = 0; i < regions.size(); ++i) {
    strokes.push_back({regions[i].box, {i}});
    tallest = std::max(tallest, regions[i].box.height());
  }
  std::stable_sort(strokes.begin(), strokes.end(),
                   [](const Digit& a, const Digit& b) {
                     return std::tie(a.box.left, a.box.top) <
                            std::tie(b.box.left, b.box.top);
                   });
  const auto add = [](const Digit& stroke, Digit* digit) {
    digit->box.Add(stroke.box);
    digit->strokes.push_back(stroke.strokes[0]);
  };
  std::vector<Digit> digits;
  std::vector<Digit> marks;
  for (const Digit& stroke : strokes) {
    const Box& box = stroke.box;
    const auto is_around = [&](const Digit& other) {
      return &other != &stroke && Holds(other.box, box);
    };
    if (kEnclosed.IsReached(box.height(), tallest) &&
        std::any_of(strokes.begin(), strokes.end(), is_around)) {
      return InvalidArgument(
          "a frame around the ink: crop the picture to what is inside");
    }
    if (!kWhole.IsReached(box.height(), tallest)) {
      marks.push_back(stroke);
      continue;
    }
    const auto above =
        std::find_if(digits.begin(), digits.end(), [&box](const Digit& digit) {
          return -2 * digit.box.ColumnsBetween(box) >=
                 std::min(digit.box.width(), box.width());
        });
    if (above == digits.end()) {
      digits.push_back(stroke);
    } else if (kLineSpace.IsReached(above->box.RowsBetween(box), tallest)) {
      return SeveralRows();
    } else {
      add(stroke, &*above);
    }
  }
  std::vector<Box> boxes;
  for (const Digit& digit : digits) boxes.push_back(digit.box);
  LENET_RETURN_IF_ERROR(CheckInLine(boxes));
  for (size_t i = 1; i < boxes.size(); ++i) {
    const int lower = std::min(boxes[i - 1].height(), boxes[i].height());
    if (!kClose.IsReached(boxes[i - 1].ColumnsBetween(boxes[i]), tallest) &&
        !kSure.IsReached(lower, tallest)) {
      return InvalidArgument(
          "strokes that may be one digit or two: leave more space between "
          "digits");
    }
  }
  for (const Digit& mark : marks) {
    const auto nearest = std::min_element(
        digits.begin(), digits.end(), [&mark](const Digit& a, const Digit& b) {
          return mark.box.ColumnsBetween(a.box) <
                 mark.box.ColumnsBetween(b.box);
        });
    const int between = nearest->box.ColumnsBetween(mark.box);
    if (kFar.IsReached(between, tallest)) {
      return InvalidArgument(
          "a mark beside the digits: crop the picture to the digits");
    }
    add(mark, &*nearest);
  }
  return digits;
}

// Returns whether ink looks like two digits that touch.
bool IsTouching(const Plane& ink, uint8_t min_coverage) {
  const int height = ink.height;
  const int width = ink.width;
  if (width > kWide * height) return true;
  std::vector<Box> columns(width);  // the ink in each column
  for (int i = 0; i < ink.size(); ++i) {
    const int y = i / width;
    const int x = i % width;
    if (ink.pixels[i] > min_coverage) columns[x].Add({y, y + 1, x, x + 1});
  }
  std::vector<Box> right = columns;  // of each column and those right of it
  for (int x = width - 2; x >= 0; --x) right[x].Add(right[x + 1]);
  Box left;
  for (int x = 1; x < width - 1; ++x) {
    left.Add(columns[x - 1]);
    const int extent =
        std::max(columns[x].bottom, columns[x].top) - columns[x].top;
    const int sides = std::min(left.height(), right[x + 1].height());
    for (const Joint& joint : kTouching) {
      if (joint.width.IsReached(width, height) &&
          !joint.extent.IsReached(extent, height) &&
          joint.sides.IsReached(sides, height)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<std::vector<Plane>> SplitRow(const Plane& ink,
                                            uint8_t min_coverage) {
  const std::vector<Region> strokes = Regions(
      ink.Map([min_coverage](int x) { return x > min_coverage; }), true);
  LENET_ASSIGN_OR_RETURN(const std::vector<Digit> digits, FormDigits(strokes));
  std::vector<Plane> parts;
  for (const auto& [box, own] : digits) {
    Plane rest = ink;
    for (size_t i = 0; i < strokes.size(); ++i) {
      if (std::find(own.begin(), own.end(), i) != own.end()) continue;
      for (const int pixel : strokes[i].pixels) rest.pixels[pixel] = 0;
    }
    parts.push_back(Crop(rest, box));
    if (IsTouching(parts.back(), min_coverage)) {
      return InvalidArgument(
          "digits that touch each other: leave space between digits");
    }
  }
  return parts;
}

absl::Status CheckInLine(const std::vector<Box>& boxes) {
  for (size_t i = 1; i < boxes.size(); ++i) {
    const Box& left = boxes[i - 1];
    if (-2 * left.RowsBetween(boxes[i]) <
        std::min(left.height(), boxes[i].height())) {
      return SeveralRows();
    }
  }
  return absl::OkStatus();
}

}  // namespace lenet
