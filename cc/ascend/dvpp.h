#ifndef CC_ASCEND_DVPP_H_
#define CC_ASCEND_DVPP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/library.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/session.h"

namespace lenet::ascend {

// Value of the chroma planes of a grey picture.
inline constexpr uint8_t kNeutralChroma = 128;

struct DvppOptions {
  // Output size: the height is even and at least 6, the width is a multiple of
  // 32; both are at most 4096.
  int height = 32;
  int width = 32;
  size_t batch = 1;  // pictures per slot
  size_t slots = 1;  // batches that may be started
  // Output format: luma only (YUV400_U8, height * width bytes), or NV12
  // (YUV420SP_U8, half as much again).
  bool nv12 = false;
};

// Decodes and scales JPEG files with the DVPP of the device. Uses one channel
// on the session's transfer stream. Not thread-safe; must be destroyed before
// the session.
//
//   LENET_RETURN_IF_ERROR(dvpp->Start(slot, 0, jpeg));
//   LENET_RETURN_IF_ERROR(dvpp->Put(slot, 1, luma_of_a_png));
//   LENET_ASSIGN_OR_RETURN(const auto refused, dvpp->Finish(slot));
//   ... Put each refused picture ...
//   ... run the model on dvpp->Pictures(slot) ...
class Dvpp {
 public:
  // Unimplemented for an output size that the scaler does not support;
  // Unavailable if libacl_dvpp.so or the channel cannot be opened.
  static absl::StatusOr<std::unique_ptr<Dvpp>> Open(Session* session,
                                                    const DvppOptions& options);

  // Waits for the started pictures.
  ~Dvpp();

  Dvpp(const Dvpp&) = delete;
  Dvpp& operator=(const Dvpp&) = delete;

  // Returns why DVPP cannot decode a file and scale it to height x width with
  // the same result as cc/image, or nothing if it can. Damaged files are
  // refused too: they would make the device fail, and the host's decoder
  // reports the damage.
  static std::optional<std::string> Refusal(absl::string_view jpeg, int height,
                                            int width);

  // Returns the pictures of a slot, picture_size() bytes each, in Heap::kDvpp.
  // The address does not change.
  void* Pictures(size_t slot) const;
  size_t picture_size() const;

  // Starts decoding and scaling a file that Refusal accepts into picture
  // `index` of a slot. Copies `jpeg` before it returns. After an error the slot
  // must not be used.
  absl::Status Start(size_t slot, size_t index, absl::string_view jpeg);

  // Copies the luma of an image decoded on the host, height * width bytes, into
  // picture `index` of a slot and waits.
  absl::Status Put(size_t slot, size_t index, absl::Span<const uint8_t> luma);

  // Synchronises the transfer stream and finishes a slot. Returns the indexes
  // of the started pictures that the device did not decode and scale, for
  // example because a file is damaged; their pixels are undefined. Aborted
  // after a device failure.
  absl::StatusOr<std::vector<size_t>> Finish(size_t slot);

 private:
  struct Frame;
  struct Slot;

  Dvpp(Session* session, const DvppFunctions* functions,
       const DvppOptions& options);

  absl::Status OpenChannel();
  absl::Status Allocate();
  absl::Status CheckIndex(size_t slot, size_t index) const;
  void* Place(size_t slot, size_t index) const;
  absl::Status Decode(Slot* slot, Frame* frame, absl::string_view jpeg);
  absl::Status Scale(Slot* slot, Frame* frame, void* place);
  bool IsComplete(const Frame& frame) const;
  size_t nv12_size() const;

  Session* const session_;
  const DvppFunctions* const functions_;
  const DvppOptions options_;
  acldvppChannelDesc* channel_desc_ = nullptr;
  bool channel_open_ = false;
  acldvppResizeConfig* resize_config_ = nullptr;
  std::vector<Slot> slots_;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_DVPP_H_
