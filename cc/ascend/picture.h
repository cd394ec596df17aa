#ifndef CC_ASCEND_PICTURE_H_
#define CC_ASCEND_PICTURE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/library.h"
#include "cc/ascend/session.h"

namespace lenet::ascend {

// NV12 pixels: height_stride rows of width_stride bytes of luma, then half as
// many rows of both colours. Only the first `width` bytes of the first `height`
// rows count.
struct PictureLayout {
  void* data = nullptr;  // of Heap::kDvpp
  size_t bytes = 0;      // there
  size_t width = 0;
  size_t height = 0;
  size_t width_stride = 0;
  size_t height_stride = 0;
};

// What tells the device about a picture, and what the device tells about it
// once the stream was synchronised. For one use: the device changes it. Leaves
// the pixels to their owner. Its life ends before that of the session, and not
// while the device works with it.
class Picture {
 public:
  // ResourceExhausted if there is no memory for it.
  static absl::StatusOr<Picture> Create(Session* session,
                                        const DvppFunctions* functions,
                                        const PictureLayout& layout);

  Picture() = default;  // none
  Picture(Picture&& other) noexcept;
  Picture& operator=(Picture&& other) noexcept;
  ~Picture();

  acldvppPicDesc* get() const { return desc_; }

  // What the device says of its work on it; 0 is good.
  uint32_t code() const;

  // Whether sizes and strides are still those it was made with.
  bool HasLayout() const;

 private:
  Session* session_ = nullptr;
  const DvppFunctions* functions_ = nullptr;
  PictureLayout layout_;
  acldvppPicDesc* desc_ = nullptr;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_PICTURE_H_
