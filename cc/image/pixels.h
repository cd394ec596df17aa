#ifndef CC_IMAGE_PIXELS_H_
#define CC_IMAGE_PIXELS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cc/image/image.h"

// Operations on pixels behind digit.h.

namespace lenet {

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

// A rectangle around pixels.
struct Box {
  int height() const { return bottom - top; }
  int width() const { return right - left; }
  bool Touches(const Plane& plane) const {
    return top == 0 || left == 0 || bottom == plane.height ||
           right == plane.width;
  }
  void Add(const Box& other) {
    *this = {std::min(top, other.top), std::max(bottom, other.bottom),
             std::min(left, other.left), std::max(right, other.right)};
  }
  // Rows or columns between two boxes, negative if they share some.
  int RowsBetween(const Box& other) const {
    return std::max(top, other.top) - std::min(bottom, other.bottom);
  }
  int ColumnsBetween(const Box& other) const {
    return std::max(left, other.left) - std::min(right, other.right);
  }
  bool Overlaps(const Box& other) const {
    return RowsBetween(other) < 0 && ColumnsBetween(other) < 0;
  }

  int top = INT32_MAX;
  int bottom = INT32_MIN;  // past the last row
  int left = INT32_MAX;
  int right = INT32_MIN;
};

// Connected pixels by their index, row by row.
struct Region {
  std::vector<int> pixels;
  Box box;
};

Plane Crop(const Plane& plane, const Box& box);

// Returns the connected regions of a mask by their first pixels, row by row.
std::vector<Region> Regions(Plane mask, bool diagonal = false);

int Median(std::vector<uint8_t> values);

// Returns `count` pixels from `start`, `step` pixels apart.
std::vector<uint8_t> Line(const GrayImage& plane, int start, int step,
                          int count);

// Returns the smallest and the largest pixel.
std::pair<int, int> Range(const Plane& plane);

// Takes the median of each pixel and its 8 neighbours.
Plane MedianFiltered(const Plane& plane);

// Returns the level with the largest variance between its sides (Otsu, 1979).
int Otsu(const Plane& plane);

// Returns the box around the pixels above a level.
Box Bounds(const Plane& plane, uint8_t above);

// Returns the median of the outermost pixels, which show the paper.
int BorderMedian(const GrayImage& image);

}  // namespace lenet

#endif  // CC_IMAGE_PIXELS_H_
