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
// size that contradicts the header, images other than 28x28, no
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

// Reads one label per image.
absl::StatusOr<std::vector<uint8_t>> ReadIdxLabels(const std::string& path);

// Read the content of a file. Their messages do not name the file.
absl::StatusOr<IdxImages> ParseIdxImages(std::string content, size_t limit = 0);
absl::StatusOr<std::vector<uint8_t>> ParseIdxLabels(std::string content);

// The functions below follow python/lenet/data/idx.py.

// Returns the file of labels beside a file of images of the same set:
// emnist-digits-test-images-idx3-ubyte -> emnist-digits-test-labels-idx1-ubyte,
// in any spelling (see FindTestImages). The spelling of `images_path` takes
// precedence.
std::optional<std::string> FindLabels(const std::string& images_path);

// Returns the test images of a data set: a file whose name ends in
// t10k-images-idx3-ubyte (or test-images, .idx3, .gz), in any case, after the
// name of the set, if it has one. It is in the subfolder "test", in `folder`
// itself or up to two folders below (torchvision, Kaggle); the first place
// counts. InvalidArgument if that place holds several data sets.
absl::StatusOr<std::optional<std::string>> FindTestImages(
    const std::string& folder);

// Returns a description of the place that FindTestImages found, or "" if it is
// that of MNIST's `Data`.
std::string DescribeLayout(const std::string& images_path,
                           const std::string& folder);

// Returns whether the name is that of a file of EMNIST.
bool IsEmnist(const std::string& images_path);

// Returns whether rows and columns of the images of EMNIST are exchanged, as in
// the published files. Files named emnist-mnist exist in both forms: in upright
// images of the digit 1, the ink is in few columns. `images` and `labels` have
// all entries of their files.
bool IsTransposed(const std::string& images_path, const IdxImages& images,
                  const std::vector<uint8_t>& labels);

// Exchanges the rows and columns of each image.
void Transpose(IdxImages* images);

}  // namespace lenet

#endif  // CC_IMAGE_IDX_H_
