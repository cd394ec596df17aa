#ifndef CC_INFERENCE_RESULT_FOLDER_H_
#define CC_INFERENCE_RESULT_FOLDER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lenet {

// The folder with one <stem>.bin of little-endian float32 an image. It is
// filled under a temporary name beside `path` and takes that name in Commit, so
// that nobody sees a part of the results under it. Without Commit the
// destructor removes all that was written, new parent folders included, and
// `path` stays as it was.
class ResultFolder {
 public:
  // Prepares results at the absolute `path`, which must not exist, or be a
  // folder that holds nothing but earlier results (*.bin): those are replaced
  // in Commit. FailedPrecondition if it holds anything else; InvalidArgument or
  // PermissionDenied if it is no folder or cannot be created.
  static absl::StatusOr<std::unique_ptr<ResultFolder>> Create(
      const std::string& path);

  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  // Creates a file; where there are thousands, this is what takes the time.
  absl::Status Write(absl::string_view stem, absl::Span<const float> logits);

  // Gives the results their name.
  absl::Status Commit();

 private:
  explicit ResultFolder(std::string path);

  const std::string path_;
  std::string temporary_;  // "" before it is created and once committed
  int descriptor_ = -1;    // of `temporary_`
  std::vector<std::string> new_parents_;  // deepest first
};

}  // namespace lenet

#endif  // CC_INFERENCE_RESULT_FOLDER_H_
