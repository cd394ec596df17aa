#include "cc/ascend/picture.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/library.h"
#include "cc/ascend/session.h"
#include "cc/base/status_macros.h"

namespace lenet::ascend {
namespace {

uint32_t Narrow(size_t value) { return static_cast<uint32_t>(value); }

absl::Status Describe(Session* session, const DvppFunctions& functions,
                      const PictureLayout& layout, acldvppPicDesc* desc) {
  LENET_RETURN_IF_ERROR(
      session->Check(functions.acldvppSetPicDescData(desc, layout.data),
                     "acldvppSetPicDescData"));
  LENET_RETURN_IF_ERROR(session->Check(
      functions.acldvppSetPicDescSize(desc, Narrow(layout.bytes)),
      "acldvppSetPicDescSize"));
  LENET_RETURN_IF_ERROR(session->Check(
      functions.acldvppSetPicDescFormat(desc, PIXEL_FORMAT_YUV_SEMIPLANAR_420),
      "acldvppSetPicDescFormat"));
  LENET_RETURN_IF_ERROR(session->Check(
      functions.acldvppSetPicDescWidth(desc, Narrow(layout.width)),
      "acldvppSetPicDescWidth"));
  LENET_RETURN_IF_ERROR(session->Check(
      functions.acldvppSetPicDescHeight(desc, Narrow(layout.height)),
      "acldvppSetPicDescHeight"));
  LENET_RETURN_IF_ERROR(session->Check(
      functions.acldvppSetPicDescWidthStride(desc, Narrow(layout.width_stride)),
      "acldvppSetPicDescWidthStride"));
  return session->Check(functions.acldvppSetPicDescHeightStride(
                            desc, Narrow(layout.height_stride)),
                        "acldvppSetPicDescHeightStride");
}

}  // namespace

absl::StatusOr<Picture> Picture::Create(Session* session,
                                        const DvppFunctions* functions,
                                        const PictureLayout& layout) {
  Picture picture;
  picture.session_ = session;
  picture.functions_ = functions;
  picture.layout_ = layout;
  picture.desc_ = functions->acldvppCreatePicDesc();
  if (picture.desc_ == nullptr) {
    return absl::ResourceExhaustedError(
        "acldvppCreatePicDesc failed: no memory");
  }
  LENET_RETURN_IF_ERROR(Describe(session, *functions, layout, picture.desc_));
  return picture;
}

Picture::Picture(Picture&& other) noexcept
    : session_(other.session_),
      functions_(other.functions_),
      layout_(other.layout_),
      desc_(std::exchange(other.desc_, nullptr)) {}

Picture& Picture::operator=(Picture&& other) noexcept {
  std::swap(session_, other.session_);
  std::swap(functions_, other.functions_);
  std::swap(layout_, other.layout_);
  std::swap(desc_, other.desc_);
  return *this;
}

Picture::~Picture() {
  if (desc_ == nullptr) return;
  session_->CheckTeardown(functions_->acldvppDestroyPicDesc(desc_),
                          "acldvppDestroyPicDesc");
}

uint32_t Picture::code() const {
  return functions_->acldvppGetPicDescRetCode(desc_);
}

bool Picture::HasLayout() const {
  const DvppFunctions& get = *functions_;
  return get.acldvppGetPicDescWidth(desc_) == layout_.width &&
         get.acldvppGetPicDescHeight(desc_) == layout_.height &&
         get.acldvppGetPicDescWidthStride(desc_) == layout_.width_stride &&
         get.acldvppGetPicDescHeightStride(desc_) == layout_.height_stride;
}

}  // namespace lenet::ascend
