#ifndef CC_IMAGE_IDX_H_
#define CC_IMAGE_IDX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

// IDX, the file format of MNIST: a big-endian header (magic, count, sizes),
// then bytes. A file may be compressed by gzip; that is seen from its content.
// Errors: those of ReadFile, and InvalidArgument with what was expected and
// found for a wrong magic, a size other than the header's, images that are not
// 28x28, labels above 9, no entries, damaged or truncated gzip, or more than 1
// GiB uncompressed.

namespace lenet {

inline constexpr int kIdxSide = 28;  // height and width of every image

// Images as the file has them: nothing is copied out of it.
class IdxImages {
 public:
  // `content` is the file up to its first `count` images of `total`.
  IdxImages(size_t count, size_t total, std::string content)
      : count_(count), total_(total), content_(std::move(content)) {}

  size_t count() const { return count_; }

  // How many the file has, of which the first count() are here.
  size_t total() const { return total_; }

  // The 28 * 28 pixels of image i < count, row by row.
  absl::Span<const uint8_t> image(size_t i) const {
    return {reinterpret_cast<const uint8_t*>(content_.data()) + kHeaderSize +
                i * kPixels,
            kPixels};
  }

 private:
  static constexpr size_t kHeaderSize = 16;
  static constexpr size_t kPixels = size_t{kIdxSide} * kIdxSide;

  size_t count_;
  size_t total_;
  std::string content_;
};

// The first `limit` images, or all if there are fewer or limit is 0. What is
// after them is not read (but for a compressed file, of which all is); that the
// file is as long as it must be is checked all the same.
absl::StatusOr<IdxImages> ReadIdxImages(const std::string& path,
                                        size_t limit = 0);

// One label, 0 to 9, an image.
absl::StatusOr<std::vector<uint8_t>> ReadIdxLabels(const std::string& path);

// The same from the content of a file; `path` is for messages.
absl::StatusOr<IdxImages> ParseIdxImages(const std::string& path,
                                         std::string content);
absl::StatusOr<std::vector<uint8_t>> ParseIdxLabels(const std::string& path,
                                                    std::string content);

// The file of labels that belongs to a file of images by its name and lies
// beside it: t10k-images.idx3-ubyte -> t10k-labels.idx1-ubyte, in either
// spelling (".idx3" and "-idx3"), plain or .gz, the same spelling first.
// Nothing if there is none.
std::optional<std::string> FindLabels(const std::string& images_path);

// The test images of MNIST (t10k-images.idx3-ubyte in either spelling, plain or
// .gz) in a folder, or in its subfolder "test". Nothing if there are none.
std::optional<std::string> FindTestImages(const std::string& folder);

}  // namespace lenet

#endif  // CC_IMAGE_IDX_H_
