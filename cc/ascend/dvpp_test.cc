#include "cc/ascend/dvpp.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/session.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "cc/image/decode.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

using Color = JpegOptions::Color;

JpegOptions Sized(int width, int height) {
  JpegOptions options;
  options.width = width;
  options.height = height;
  return options;
}

JpegOptions Coloured(int horizontal, int vertical) {
  JpegOptions options = Sized(64, 48);
  options.color = Color::kYcc;
  options.horizontal = horizontal;
  options.vertical = vertical;
  return options;
}

// Returns a uniform JPEG.
std::string Flat(JpegOptions options, uint8_t value) {
  options.luma.assign(static_cast<size_t>(options.height * options.width),
                      value);
  return MakeJpeg(options);
}

// Returns a JPEG of smooth waves, which every scaler preserves.
std::string Waves(JpegOptions options) {
  for (int y = 0; y < options.height; ++y) {
    for (int x = 0; x < options.width; ++x) {
      const int wave = std::abs((4 * x + 100 * x / options.width) % 120 - 60) +
                       std::abs(200 * y / options.height - 100);
      options.luma.push_back(static_cast<uint8_t>(40 + wave));
    }
  }
  return MakeJpeg(options);
}

std::optional<std::string> Refusal(const JpegOptions& options) {
  return Dvpp::Refusal(MakeJpeg(options), 32, 32);
}

TEST(DvppRefusalTest, AcceptsSupportedFiles) {
  for (const auto& [width, height] : std::vector<std::pair<int, int>>{
           {32, 32}, {34, 50}, {1024, 32}, {32, 1024}, {640, 480}}) {
    EXPECT_EQ(Refusal(Sized(width, height)), std::nullopt);
  }
  for (const auto& [horizontal, vertical] :
       std::vector<std::pair<int, int>>{{1, 1}, {2, 1}, {1, 2}, {2, 2}}) {
    EXPECT_EQ(Refusal(Coloured(horizontal, vertical)), std::nullopt);
  }
  JpegOptions options;
  options.restart_interval = 1;
  options.exif = MakeExif(1, false);
  EXPECT_EQ(Refusal(options), std::nullopt);
}

TEST(DvppRefusalTest, Sizes) {
  struct Case {
    int width, height;
    const char* reason;
  };
  for (const auto& [width, height, reason] :
       {Case{28, 28, "28x28 pixels"}, Case{30, 32, "outside of 32 to 8192"},
        Case{32, 30, "outside of"}, Case{32, 8194, "outside of"},
        Case{33, 32, "odd"}, Case{32, 33, "odd"},
        Case{1026, 32, "too different"}, Case{32, 1026, "too different"}}) {
    EXPECT_THAT(Refusal(Sized(width, height)), Optional(HasSubstr(reason)));
  }
  const std::string jpeg = MakeJpeg(Sized(32, 64));
  EXPECT_EQ(Dvpp::Refusal(jpeg, 1024, 512), std::nullopt);
  EXPECT_THAT(Dvpp::Refusal(jpeg, 1026, 512), Optional(HasSubstr("too diff")));
  EXPECT_THAT(Dvpp::Refusal(jpeg, 512, 544), Optional(HasSubstr("too diff")));
  const std::string large = MakeJpeg(Sized(32, 8000));
  EXPECT_EQ(Dvpp::Refusal(large, 256, 32), std::nullopt);
}

TEST(DvppRefusalTest, Encodings) {
  const auto with = [](auto JpegOptions::*member, const auto& value) {
    JpegOptions options = Coloured(1, 1);
    options.*member = value;
    return Refusal(options);
  };
  JpegOptions progressive;
  progressive.progressive = true;
  EXPECT_THAT(Refusal(progressive), Optional(HasSubstr("progressive")));
  EXPECT_THAT(with(&JpegOptions::separate_scans, true),
              Optional(HasSubstr("more than one scan")));
  for (const Color color : {Color::kRgb, Color::kCmyk}) {
    EXPECT_THAT(with(&JpegOptions::color, color),
                Optional(HasSubstr("neither gray nor")));
  }
  EXPECT_THAT(Refusal(Coloured(4, 1)), Optional(HasSubstr("unusual")));
  EXPECT_THAT(Refusal(Coloured(1, 4)), Optional(HasSubstr("unusual")));
  EXPECT_THAT(with(&JpegOptions::exif, MakeExif(6, true)),
              Optional(HasSubstr("rotated")));
  std::string jpeg = MakeJpeg(Sized(32, 32));
  jpeg[jpeg.find("\xff\xc0") + 1] = '\xc9';
  EXPECT_THAT(Dvpp::Refusal(jpeg, 32, 32), Optional(HasSubstr("not baseline")));
}

TEST(DvppRefusalTest, OtherAndDamagedFiles) {
  for (const char* file : {"", "\x89PNG\r\n\x1a\n"}) {
    EXPECT_THAT(Dvpp::Refusal(file, 32, 32), Optional(HasSubstr("not a JPEG")));
  }
  const std::string jpeg = MakeJpeg(JpegOptions());
  EXPECT_THAT(Dvpp::Refusal(jpeg.substr(0, jpeg.size() - 1), 32, 32),
              Optional(HasSubstr("ends too early")));
}

TEST(DvppOptionsTest, UnsupportedOutputSizes) {
  for (const auto& [width, height] :
       std::vector<std::pair<int, int>>{{16, 32},
                                        {33, 32},
                                        {48, 32},
                                        {32, 33},
                                        {32, 4},
                                        {0, 0},
                                        {-32, 32},
                                        {4128, 32},
                                        {32, 4098}}) {
    DvppOptions options;
    options.width = width;
    options.height = height;
    EXPECT_THAT(Dvpp::Open(nullptr, options),
                StatusIs(absl::StatusCode::kUnimplemented,
                         HasSubstr("--cpu_dvpp=CPU")));
  }
}

DvppOptions Batches(size_t batch, size_t slots = 1, bool nv12 = false) {
  DvppOptions options;
  options.batch = batch;
  options.slots = slots;
  options.nv12 = nv12;
  return options;
}

absl::Status Finish(Dvpp* dvpp, size_t slot = 0) {
  LENET_ASSIGN_OR_RETURN(const std::vector<size_t> refused, dvpp->Finish(slot));
  EXPECT_THAT(refused, IsEmpty());
  return absl::OkStatus();
}

// Returns the first `count` pictures of a slot.
absl::StatusOr<std::vector<uint8_t>> PicturesOf(Session* session,
                                                const Dvpp& dvpp, size_t count,
                                                size_t slot = 0) {
  std::vector<uint8_t> pictures(count * dvpp.picture_size());
  LENET_RETURN_IF_ERROR(Copy(session, pictures.data(), pictures.size(),
                             dvpp.Pictures(slot), pictures.size(),
                             ACL_MEMCPY_DEVICE_TO_HOST));
  return pictures;
}

// Returns the result of cc/image for a JPEG.
std::vector<uint8_t> OnTheHost(const std::string& jpeg) {
  const absl::StatusOr<GrayImage> image = DecodeImage(jpeg);
  EXPECT_THAT(image, IsOk());
  return image.ok() ? Resize(*image, 32, 32).pixels : std::vector<uint8_t>();
}

double Difference(const std::vector<uint8_t>& a,
                  const std::vector<uint8_t>& b) {
  EXPECT_EQ(a.size(), b.size());
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                            [](int x, int y) { return std::abs(x - y); }) /
         static_cast<double>(a.size());
}

absl::Status DecodeOneByOne(Session* session) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp, Dvpp::Open(session, Batches(1)));
  EXPECT_EQ(dvpp->picture_size(), 1024u);
  JpegOptions restarts = Sized(32, 32);
  restarts.restart_interval = 1;
  for (const JpegOptions& options :
       {Sized(32, 32), restarts, Sized(64, 64), Sized(34, 50), Sized(300, 200),
        Sized(32, 1024), Coloured(1, 1), Coloured(2, 1), Coloured(1, 2),
        Coloured(2, 2), Sized(32, 32)}) {
    const std::string jpeg = Waves(options);
    LENET_RETURN_IF_ERROR(dvpp->Start(0, 0, jpeg));
    LENET_RETURN_IF_ERROR(Finish(dvpp.get()));
    LENET_ASSIGN_OR_RETURN(const std::vector<uint8_t> pixels,
                           PicturesOf(session, *dvpp, 1));
    EXPECT_LT(Difference(pixels, OnTheHost(jpeg)), 2.0)
        << options.width << "x" << options.height;
  }
  return absl::OkStatus();
}

TEST(DvppDeathTest, PixelsAreCloseToTheHosts) {
  for (const char* mode : kRunModes) {
    LENET_EXPECT_IN_SESSION((SimSettings{{"LENET_SIM_RUN_MODE", mode}}),
                            DecodeOneByOne, "OK");
  }
}

// Uses both slots at once, with pictures from the host and files of several
// sizes.
absl::Status DecodeBatches(Session* session, bool nv12) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp,
                         Dvpp::Open(session, Batches(4, 2, nv12)));
  EXPECT_EQ(dvpp->picture_size(), nv12 ? 1536u : 1024u);
  for (int round = 0; round < 3; ++round) {
    for (const size_t slot : {0, 1}) {
      const auto value = [&](size_t index) {
        return static_cast<uint8_t>(80 * round + 40 * static_cast<int>(slot) +
                                    10 * static_cast<int>(index));
      };
      LENET_RETURN_IF_ERROR(
          dvpp->Start(slot, 0, Flat(Sized(32, 32), value(0))));
      LENET_RETURN_IF_ERROR(
          dvpp->Start(slot, 1, Flat(Sized(200 + 100 * round, 400), value(1))));
      LENET_RETURN_IF_ERROR(
          dvpp->Put(slot, 2, std::vector<uint8_t>(1024, value(2))));
      LENET_RETURN_IF_ERROR(
          dvpp->Start(slot, 3, Flat(Coloured(2, 2), value(3))));
    }
    for (const size_t slot : {0, 1}) {
      LENET_RETURN_IF_ERROR(Finish(dvpp.get(), slot));
      LENET_ASSIGN_OR_RETURN(const std::vector<uint8_t> pictures,
                             PicturesOf(session, *dvpp, 4, slot));
      for (size_t i = 0; i < 4; ++i) {
        const absl::Span<const uint8_t> picture =
            absl::MakeSpan(pictures).subspan(i * dvpp->picture_size(),
                                             dvpp->picture_size());
        const int value =
            80 * round + 40 * static_cast<int>(slot) + 10 * static_cast<int>(i);
        EXPECT_THAT(picture.subspan(0, 1024),
                    Each(::testing::AllOf(::testing::Ge(value - 1),
                                          ::testing::Le(value + 1))));
        EXPECT_THAT(picture.subspan(1024), Each(128));
      }
    }
  }
  return absl::OkStatus();
}

TEST(DvppDeathTest, PicturesOfABatchAreContiguous) {
  for (const char* mode : kRunModes) {
    for (const bool nv12 : {false, true}) {
      LENET_EXPECT_IN_SESSION(
          (SimSettings{{"LENET_SIM_RUN_MODE", mode}}),
          [nv12](Session* session) { return DecodeBatches(session, nv12); },
          "OK");
    }
  }
}

absl::Status DecodeLargerAndLarger(Session* session) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp, Dvpp::Open(session, Batches(2)));
  for (int side = 64; side <= 960; side += 64) {
    LENET_RETURN_IF_ERROR(dvpp->Start(0, 0, Flat(Sized(32, 32), 1)));
    LENET_RETURN_IF_ERROR(dvpp->Start(0, 1, Flat(Sized(side, side), 2)));
    LENET_RETURN_IF_ERROR(Finish(dvpp.get()));
  }
  return absl::OkStatus();
}

// The last picture takes 1.5 MB, all pictures take 8 MB.
TEST(DvppDeathTest, FreesOutgrownMemory) {
  LENET_EXPECT_IN_SESSION((SimSettings{{"LENET_SIM_MEMORY", "5000000"}}),
                          DecodeLargerAndLarger, "OK");
}

absl::Status MisuseIndexes(Session* session) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp, Dvpp::Open(session, Batches(2)));
  const std::string jpeg = MakeJpeg(JpegOptions());
  const std::vector<uint8_t> luma(1024);
  LENET_RETURN_IF_ERROR(dvpp->Start(0, 1, jpeg));
  EXPECT_THAT(dvpp->Start(0, 1, jpeg),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::_));
  const auto is_internal = StatusIs(absl::StatusCode::kInternal, testing::_);
  EXPECT_THAT(dvpp->Start(1, 0, jpeg), is_internal);
  EXPECT_THAT(dvpp->Start(0, 2, jpeg), is_internal);
  EXPECT_THAT(dvpp->Put(0, 2, luma), is_internal);
  EXPECT_THAT(dvpp->Put(0, 0, absl::MakeSpan(luma).subspan(1)), is_internal);
  EXPECT_THAT(dvpp->Finish(1), is_internal);
  EXPECT_THAT(dvpp->Start(0, 0, "text"),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::_));
  return Finish(dvpp.get());
}

TEST(DvppDeathTest, MisuseIsAnError) {
  LENET_EXPECT_IN_SESSION(SimSettings{}, MisuseIndexes, "OK");
}

absl::Status LeaveStarted(Session* session) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp, Dvpp::Open(session, Batches(2, 2)));
  const std::string jpeg = MakeJpeg(JpegOptions());
  LENET_RETURN_IF_ERROR(dvpp->Start(0, 0, jpeg));
  LENET_RETURN_IF_ERROR(dvpp->Start(1, 1, jpeg));
  return absl::OkStatus();
}

TEST(DvppDeathTest, CanBeDestroyedWithStartedPictures) {
  LENET_EXPECT_IN_SESSION(SimSettings{}, LeaveStarted, "OK");
}

absl::Status DecodeABatch(Session* session) {
  LENET_ASSIGN_OR_RETURN(const auto dvpp, Dvpp::Open(session, Batches(2)));
  LENET_RETURN_IF_ERROR(dvpp->Start(0, 0, MakeJpeg(Sized(32, 32))));
  LENET_RETURN_IF_ERROR(dvpp->Start(0, 1, MakeJpeg(Sized(64, 320))));
  LENET_ASSIGN_OR_RETURN(const std::vector<size_t> refused, dvpp->Finish(0));
  EXPECT_THAT(refused, ElementsAre(1));
  return absl::OkStatus();
}

// e2e/faults_test.py tests failures of each call.
TEST(DvppDeathTest, ReturnsPicturesThatTheDeviceDoesNotComplete) {
  LENET_EXPECT_IN_SESSION(
      (SimSettings{{"LENET_SIM_FAULTS", "acldvppGetPicDescWidth:2=1"}}),
      DecodeABatch, "OK");
}

}  // namespace
}  // namespace lenet::ascend
