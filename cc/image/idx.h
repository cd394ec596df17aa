#ifndef CC_IMAGE_IDX_H_
#define CC_IMAGE_IDX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

// IDX, the file format of MNIST: a big-endian header (magic, count, sizes),
// then bytes. A file may be compressed by gzip, whatever its name.
//
// InvalidArgument, with the expected and the found value: wrong magic, a file
// size that contradicts the header, images other than 28x28, labels above 9, no
// entries, damaged or truncated gzip, more than 1 GiB uncompressed.

namespace lenet {

inline constexpr int kIdxSide = 28;  // height and width of an image

struct IdxImages {
  // Returns the 28 * 28 pixels of image i < count, row by row.
  absl::Span<const uint8_t> image(size_t i) const;

  size_t count = 0;     // images that were read
  size_t total = 0;     // images in the file
  std::string content;  // the start of the file, with `count` images
};

// Reads the first `limit` images, or all if limit is 0. Of an uncompressed
// file, only these are read, but the size of the whole file is checked.
absl::StatusOr<IdxImages> ReadIdxImages(const std::string& path,
                                        size_t limit = 0);

// Reads one label, 0 to 9, per image.
absl::StatusOr<std::vector<uint8_t>> ReadIdxLabels(const std::string& path);

// Read the content of a file. Their messages do not name the file.
absl::StatusOr<IdxImages> ParseIdxImages(std::string content, size_t limit = 0);
absl::StatusOr<std::vector<uint8_t>> ParseIdxLabels(std::string content);

// Returns the file of labels beside a file of images: t10k-images.idx3-ubyte ->
// t10k-labels.idx1-ubyte, in either spelling (".idx3" and "-idx3"), plain or
// .gz. The spelling of `images_path` takes precedence.
std::optional<std::string> FindLabels(const std::string& images_path);

// Returns the test images of MNIST (t10k-images.idx3-ubyte in either spelling,
// plain or .gz) in the subfolder "test" or in `folder` itself.
std::optional<std::string> FindTestImages(const std::string& folder);

}  // namespace lenet

#endif  // CC_IMAGE_IDX_H_
