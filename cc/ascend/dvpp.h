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

struct DvppOptions {
  // Of the pictures that come out: height even from 6, width a multiple of 32;
  // both at most 4096.
  int height = 32;
  int width = 32;
  size_t batch = 1;  // pictures of a slot
  size_t slots = 1;  // batches that may be under way at a time
  // What the model takes of a picture: its luma (height * width bytes,
  // YUV400_U8), or NV12 with the colours behind (half as much again,
  // YUV420SP_U8).
  bool nv12 = false;
};

// JPEG files to resized pictures in the memory of the device, decoded and
// scaled by its DVPP. One channel, which is used on the session's transfer
// stream. Not thread-safe; used from the session's thread, and gone before the
// session.
//
//   LENET_RETURN_IF_ERROR(dvpp->Start(slot, 0, jpeg));
//   LENET_RETURN_IF_ERROR(dvpp->Put(slot, 1, luma_of_a_png));
//   LENET_RETURN_IF_ERROR(session->Synchronize(session->transfer_stream()));
//   LENET_RETURN_IF_ERROR(dvpp->Finish(slot));
//   ... run the model on dvpp->Pictures(slot) ...
class Dvpp {
 public:
  // Unimplemented for a size that the scaler cannot make; Unavailable if
  // libacl_dvpp.so or the channel is.
  static absl::StatusOr<std::unique_ptr<Dvpp>> Open(Session* session,
                                                    const DvppOptions& options);

  // Waits for what is under way.
  ~Dvpp();

  Dvpp(const Dvpp&) = delete;
  Dvpp& operator=(const Dvpp&) = delete;

  // Why the device cannot make a picture of height x width of this file, or
  // would make another one than cc/image does; nothing if it can. Looks at the
  // bytes only. Also refuses what is damaged, so that the host's decoder says
  // what is wrong with it: the device would fail as a whole.
  static std::optional<std::string> Refusal(absl::string_view jpeg, int height,
                                            int width);

  // The pictures of a slot, one after the other, picture_size() bytes each, in
  // Heap::kDvpp. The same for the life of this object.
  void* Pictures(size_t slot) const;
  size_t picture_size() const;

  // Starts to decode and resize `jpeg`, which Refusal has nothing against, into
  // picture `index` of the slot. Copies `jpeg` at once. The pictures of the
  // slot must not be in use.
  // After an error the slot is to be given up: nothing more is started in it.
  absl::Status Start(size_t slot, size_t index, absl::string_view jpeg);

  // For an image that the host has decoded and resized: copies its luma, height
  // * width bytes, into picture `index` of the slot, and waits for that.
  absl::Status Put(size_t slot, size_t index, absl::Span<const uint8_t> luma);

  // To be called when the transfer stream was synchronised after the slot's
  // last Start. InvalidArgument if the device could not decode one of the
  // files; the message says which, by its index. Aborted, and nothing is given
  // up, after a failure of the device.
  absl::Status Finish(size_t slot);

 private:
  struct Frame;
  struct Slot;

  Dvpp(Session* session, const DvppFunctions* functions,
       const DvppOptions& options);

  absl::Status OpenChannel();
  absl::Status Allocate();
  absl::Status Replace(Memory* memory, size_t size);
  absl::Status CheckPlace(size_t slot, size_t index) const;
  void* PlaceOf(size_t slot, size_t index) const;
  absl::Status Decode(Slot* slot, Frame* frame, absl::string_view jpeg);
  absl::Status Scale(Slot* slot, Frame* frame, void* place);
  absl::Status ResultOf(const Frame& frame, size_t index) const;
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
