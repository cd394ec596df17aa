#include "cc/ascend/dvpp.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/error.h"
#include "cc/ascend/library.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/session.h"
#include "cc/base/error.h"
#include "cc/image/decode.h"

namespace lenet::ascend {
namespace {

// Limits of the decoder and the scaler of an Ascend 310 ("DVPP V1").
constexpr int kMinSide = 32;
constexpr int kMaxSide = 8192;
constexpr int kMaxScaledSide = 4096;
constexpr int kMinScaledHeight = 6;
constexpr int kMaxShrink = 32;  // factor per direction
constexpr int kMaxGrow = 16;
constexpr size_t kDecodedWidthStep = 128;  // alignment of rows
constexpr size_t kDecodedHeightStep = 16;

constexpr uint32_t kBilinear = 1;
constexpr size_t kMinFileBytes = size_t{4} << 10;

size_t RoundUp(size_t value, size_t step) {
  return (value + step - 1) / step * step;
}

size_t Nv12Size(size_t width, size_t height) { return width * height * 3 / 2; }

absl::Status CheckOptions(const DvppOptions& options) {
  if (options.width >= kMinSide && options.width <= kMaxScaledSide &&
      options.width % 32 == 0 && options.height >= kMinScaledHeight &&
      options.height <= kMaxScaledSide && options.height % 2 == 0) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("the DVPP of an Ascend 310 cannot produce images of ",
                   options.width, "x", options.height,
                   " pixels; the width must be a multiple of 32, the height ",
                   "even and at least ", kMinScaledHeight, ", both at most ",
                   kMaxScaledSide, "; use --cpu_dvpp=CPU"));
}

bool IsDecodable(JpegSampling luma, JpegSampling chroma) {
  return luma.horizontal <= 2 && luma.vertical <= 2 && chroma.horizontal == 1 &&
         chroma.vertical == 1;
}

// Gray, 4:4:4, 4:2:2, 4:4:0 and 4:2:0.
bool HasKnownSampling(const JpegHeader& header) {
  if (header.components == 1) {
    return header.sampling[0].horizontal == 1 &&
           header.sampling[0].vertical == 1;
  }
  return IsDecodable(header.sampling[0], header.sampling[1]) &&
         IsDecodable(header.sampling[0], header.sampling[2]);
}

std::optional<std::string> RefusalOfCoding(const JpegHeader& header) {
  if (header.coding != JpegCoding::kBaseline || header.precision != 8) {
    return header.coding == JpegCoding::kProgressive
               ? "it is progressive, not baseline"
               : "it is not baseline";
  }
  if (header.color != JpegColor::kGray && header.color != JpegColor::kYcc) {
    return "it is neither gray nor YCbCr";
  }
  if (!HasKnownSampling(header)) {
    return "its chroma subsampling is unusual";
  }
  if (!header.single_scan) return "it has more than one scan, or lacks tables";
  // cc/image turns it; that every version of DVPP does is not known.
  if (header.orientation != 1) return "it is rotated (EXIF)";
  return std::nullopt;
}

std::optional<std::string> RefusalOfSize(const JpegHeader& header, int height,
                                         int width) {
  const std::string size =
      absl::StrCat("it has ", header.width, "x", header.height, " pixels");
  if (std::min(header.width, header.height) < kMinSide ||
      std::max(header.width, header.height) > kMaxSide) {
    return absl::StrCat(size, ", outside of ", kMinSide, " to ", kMaxSide);
  }
  if (header.width % 2 != 0 || header.height % 2 != 0) {
    return absl::StrCat(size, ", an odd number");
  }
  if (header.width > width * kMaxShrink ||
      header.height > height * kMaxShrink || width > header.width * kMaxGrow ||
      height > header.height * kMaxGrow) {
    return absl::StrCat(size, ", too different from ", width, "x", height);
  }
  return std::nullopt;
}

// NV12 pixels in Heap::kDvpp: height_stride rows of width_stride bytes of luma,
// then half as many rows of chroma. The picture is the first `width` bytes of
// the first `height` rows.
struct Layout {
  void* data = nullptr;
  size_t bytes = 0;
  size_t width = 0;
  size_t height = 0;
  size_t width_stride = 0;
  size_t height_stride = 0;
};

struct PictureDeleter {
  void operator()(acldvppPicDesc* desc) const {
    session->CheckTeardown(functions->acldvppDestroyPicDesc(desc),
                           "acldvppDestroyPicDesc");
  }
  Session* session;
  const DvppFunctions* functions;
};

// A picture description, through which the device also reports its result. Used
// once, because the device changes it. Does not own the pixels.
using Picture = std::unique_ptr<acldvppPicDesc, PictureDeleter>;

absl::StatusOr<Picture> CreatePicture(Session* session,
                                      const DvppFunctions* functions,
                                      const Layout& layout) {
  Picture picture(functions->acldvppCreatePicDesc(), {session, functions});
  if (picture == nullptr) {
    return absl::ResourceExhaustedError(
        "acldvppCreatePicDesc failed: no memory");
  }
#define LENET_SET(field, value)                                  \
  LENET_RETURN_IF_ERROR(session->Check(                          \
      functions->acldvppSetPicDesc##field(picture.get(), value), \
      "acldvppSetPicDesc" #field))
  LENET_SET(Data, layout.data);
  LENET_SET(Size, static_cast<uint32_t>(layout.bytes));
  LENET_SET(Format, PIXEL_FORMAT_YUV_SEMIPLANAR_420);
  LENET_SET(Width, static_cast<uint32_t>(layout.width));
  LENET_SET(Height, static_cast<uint32_t>(layout.height));
  LENET_SET(WidthStride, static_cast<uint32_t>(layout.width_stride));
  LENET_SET(HeightStride, static_cast<uint32_t>(layout.height_stride));
#undef LENET_SET
  return picture;
}

}  // namespace

// One started file. The device uses the descriptions until the stream is
// synchronised.
struct Dvpp::Frame {
  bool started = false;
  Memory file;
  Layout layout;     // expected from the decoder
  Picture decoded;   // output of the decoder
  Picture to_scale;  // the same pixels as input of the scaler
  Picture scaled;

  void Reset() {
    started = false;
    decoded.reset();
    to_scale.reset();
    scaled.reset();
  }
};

// A batch. The stream runs its frames in order, so they share `decoded` and
// `scaled`.
struct Dvpp::Slot {
  Memory pictures;
  Memory decoded;
  Memory scaled;                // empty if the scaler writes to `pictures`
  std::vector<Memory> retired;  // former `decoded`, possibly still in use
  std::vector<Frame> frames;
};

absl::StatusOr<std::unique_ptr<Dvpp>> Dvpp::Open(Session* session,
                                                 const DvppOptions& options) {
  LENET_RETURN_IF_ERROR(CheckOptions(options));
  LENET_ASSIGN_OR_RETURN(const DvppFunctions* functions,
                         session->process().library().Dvpp());
  std::unique_ptr<Dvpp> dvpp(new Dvpp(session, functions, options));
  LENET_RETURN_IF_ERROR(dvpp->OpenChannel());
  LENET_RETURN_IF_ERROR(dvpp->Allocate());
  return dvpp;
}

Dvpp::Dvpp(Session* session, const DvppFunctions* functions,
           const DvppOptions& options)
    : session_(session), functions_(functions), options_(options) {}

Dvpp::~Dvpp() {
  const bool busy =
      std::any_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
        return std::any_of(slot.frames.begin(), slot.frames.end(),
                           [](const Frame& frame) { return frame.started; });
      });
  if (busy) session_->Drain();
  slots_.clear();
  if (resize_config_ != nullptr) {
    session_->CheckTeardown(
        functions_->acldvppDestroyResizeConfig(resize_config_),
        "acldvppDestroyResizeConfig");
  }
  if (channel_open_) {
    session_->CheckTeardown(functions_->acldvppDestroyChannel(channel_desc_),
                            "acldvppDestroyChannel");
  }
  if (channel_desc_ != nullptr) {
    session_->CheckTeardown(
        functions_->acldvppDestroyChannelDesc(channel_desc_),
        "acldvppDestroyChannelDesc");
  }
}

absl::Status Dvpp::OpenChannel() {
  channel_desc_ = functions_->acldvppCreateChannelDesc();
  if (channel_desc_ == nullptr) {
    return absl::UnavailableError("acldvppCreateChannelDesc failed: no memory");
  }
  LENET_RETURN_IF_ERROR(
      session_->Check(functions_->acldvppCreateChannel(channel_desc_),
                      "acldvppCreateChannel", Stage::kSetup));
  channel_open_ = true;
  resize_config_ = functions_->acldvppCreateResizeConfig();
  if (resize_config_ == nullptr) {
    return absl::UnavailableError(
        "acldvppCreateResizeConfig failed: no memory");
  }
  // Like cc/image, but not bit for bit.
  return session_->Check(functions_->acldvppSetResizeConfigInterpolation(
                             resize_config_, kBilinear),
                         "acldvppSetResizeConfigInterpolation", Stage::kSetup);
}

absl::Status Dvpp::Allocate() {
  // The scaler writes NV12. For luma only, its chroma would overwrite the next
  // picture, so the luma is copied from `scaled`.
  const bool direct = options_.nv12 || options_.batch == 1;
  const size_t bytes =
      direct ? options_.batch * nv12_size() : options_.batch * picture_size();
  for (size_t i = 0; i < options_.slots; ++i) {
    Slot& slot = slots_.emplace_back();
    slot.frames.resize(options_.batch);
    LENET_ASSIGN_OR_RETURN(slot.pictures,
                           Memory::Allocate(session_, Heap::kDvpp, bytes));
    if (direct) continue;
    LENET_ASSIGN_OR_RETURN(
        slot.scaled, Memory::Allocate(session_, Heap::kDvpp, nv12_size()));
  }
  return absl::OkStatus();
}

std::optional<std::string> Dvpp::Refusal(absl::string_view jpeg, int height,
                                         int width) {
  const absl::StatusOr<JpegHeader> header = ParseJpegHeader(jpeg);
  if (!header.ok()) return std::string(header.status().message());
  if (auto reason = RefusalOfCoding(*header)) return reason;
  return RefusalOfSize(*header, height, width);
}

size_t Dvpp::nv12_size() const {
  return Nv12Size(static_cast<size_t>(options_.width),
                  static_cast<size_t>(options_.height));
}

size_t Dvpp::picture_size() const {
  return options_.nv12 ? nv12_size() : nv12_size() / 3 * 2;
}

void* Dvpp::Pictures(size_t slot) const { return slots_[slot].pictures.data(); }

void* Dvpp::Place(size_t slot, size_t index) const {
  return static_cast<char*>(Pictures(slot)) + index * picture_size();
}

absl::Status Dvpp::CheckIndex(size_t slot, size_t index) const {
  if (slot < slots_.size() && index < options_.batch) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("no picture ", index, " of slot ", slot, " in DVPP"));
}

absl::Status Dvpp::Start(size_t slot, size_t index, absl::string_view jpeg) {
  LENET_RETURN_IF_ERROR(CheckIndex(slot, index));
  Frame& frame = slots_[slot].frames[index];
  if (frame.started) {
    return absl::FailedPreconditionError(
        "DVPP: the picture is started already");
  }
  LENET_RETURN_IF_ERROR(Decode(&slots_[slot], &frame, jpeg));
  return Scale(&slots_[slot], &frame, Place(slot, index));
}

absl::Status Dvpp::Decode(Slot* slot, Frame* frame, absl::string_view jpeg) {
  LENET_ASSIGN_OR_RETURN(const JpegHeader header, ParseJpegHeader(jpeg));
  const auto bytes = static_cast<uint32_t>(jpeg.size());
  uint32_t predicted = 0;
  LENET_RETURN_IF_ERROR(session_->Check(
      functions_->acldvppJpegPredictDecSize(
          jpeg.data(), bytes, PIXEL_FORMAT_YUV_SEMIPLANAR_420, &predicted),
      "acldvppJpegPredictDecSize"));

  Layout layout;
  layout.width = static_cast<size_t>(header.width);
  layout.height = static_cast<size_t>(header.height);
  layout.width_stride = RoundUp(layout.width, kDecodedWidthStep);
  layout.height_stride = RoundUp(layout.height, kDecodedHeightStep);
  layout.bytes = std::max<size_t>(
      predicted, Nv12Size(layout.width_stride, layout.height_stride));
  if (frame->file.size() < jpeg.size()) {
    frame->file.Free();
    LENET_ASSIGN_OR_RETURN(
        frame->file,
        Memory::Allocate(session_, Heap::kDvpp,
                         std::max(2 * jpeg.size(), kMinFileBytes)));
  }
  if (slot->decoded.size() < layout.bytes) {
    // Earlier frames may still use the old memory.
    slot->retired.push_back(std::exchange(slot->decoded, Memory()));
    LENET_ASSIGN_OR_RETURN(
        slot->decoded, Memory::Allocate(session_, Heap::kDvpp, layout.bytes));
  }
  layout.data = slot->decoded.data();
  frame->layout = layout;
  LENET_ASSIGN_OR_RETURN(frame->decoded,
                         CreatePicture(session_, functions_, layout));
  LENET_ASSIGN_OR_RETURN(frame->to_scale,
                         CreatePicture(session_, functions_, layout));
  LENET_RETURN_IF_ERROR(Copy(session_, frame->file.data(), frame->file.size(),
                             jpeg.data(), jpeg.size(),
                             ACL_MEMCPY_HOST_TO_DEVICE));
  frame->started = true;
  return session_->Check(functions_->acldvppJpegDecodeAsync(
                             channel_desc_, frame->file.data(), bytes,
                             frame->decoded.get(), session_->transfer_stream()),
                         "acldvppJpegDecodeAsync");
}

absl::Status Dvpp::Scale(Slot* slot, Frame* frame, void* place) {
  const bool direct = slot->scaled.data() == nullptr;
  Layout layout;
  layout.data = direct ? place : slot->scaled.data();
  layout.bytes = nv12_size();
  layout.width = static_cast<size_t>(options_.width);
  layout.height = static_cast<size_t>(options_.height);
  layout.width_stride = layout.width;
  layout.height_stride = layout.height;
  LENET_ASSIGN_OR_RETURN(frame->scaled,
                         CreatePicture(session_, functions_, layout));
  LENET_RETURN_IF_ERROR(session_->Check(
      functions_->acldvppVpcResizeAsync(channel_desc_, frame->to_scale.get(),
                                        frame->scaled.get(), resize_config_,
                                        session_->transfer_stream()),
      "acldvppVpcResizeAsync"));
  if (direct) return absl::OkStatus();
  return Copy(session_, place, picture_size(), layout.data, picture_size(),
              ACL_MEMCPY_DEVICE_TO_DEVICE, session_->transfer_stream());
}

absl::Status Dvpp::Put(size_t slot, size_t index,
                       absl::Span<const uint8_t> luma) {
  LENET_RETURN_IF_ERROR(CheckIndex(slot, index));
  if (luma.size() != nv12_size() / 3 * 2) {
    return absl::InternalError(absl::StrCat(
        "DVPP: expected ", nv12_size() / 3 * 2, " bytes, found ", luma.size()));
  }
  std::vector<uint8_t> picture(picture_size(), kNeutralChroma);
  std::copy(luma.begin(), luma.end(), picture.begin());
  return Copy(session_, Place(slot, index), picture.size(), picture.data(),
              picture.size(), ACL_MEMCPY_HOST_TO_DEVICE);
}

absl::StatusOr<std::vector<size_t>> Dvpp::Finish(size_t slot_number) {
  LENET_RETURN_IF_ERROR(CheckIndex(slot_number, 0));
  absl::Status synchronized =
      session_->Synchronize(session_->transfer_stream());
  // One picture that the device cannot take may hold up those after it, whose
  // descriptions then do not show it.
  const bool refused = absl::IsAborted(synchronized) && session_->healthy();
  // After a failure the frames are kept, because the device may use them.
  if (!synchronized.ok() && !refused) return synchronized;
  Slot& slot = slots_[slot_number];
  std::vector<size_t> incomplete;
  for (size_t i = 0; i < slot.frames.size(); ++i) {
    Frame& frame = slot.frames[i];
    if (frame.started && (refused || !IsComplete(frame))) {
      incomplete.push_back(i);
    }
    frame.Reset();
  }
  slot.retired.clear();
  // The release may have been the first call to fail.
  if (!session_->healthy()) return absl::AbortedError("the device failed");
  return incomplete;
}

bool Dvpp::IsComplete(const Frame& frame) const {
  const DvppFunctions& get = *functions_;
  // The scaler was started with the expected layout, before the decoder ran.
  const acldvppPicDesc* const decoded = frame.decoded.get();
  const Layout& layout = frame.layout;
  return get.acldvppGetPicDescRetCode(decoded) == 0 &&
         get.acldvppGetPicDescRetCode(frame.scaled.get()) == 0 &&
         get.acldvppGetPicDescWidth(decoded) == layout.width &&
         get.acldvppGetPicDescHeight(decoded) == layout.height &&
         get.acldvppGetPicDescWidthStride(decoded) == layout.width_stride &&
         get.acldvppGetPicDescHeightStride(decoded) == layout.height_stride;
}

}  // namespace lenet::ascend
