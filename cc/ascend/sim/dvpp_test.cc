// Channels, JPEG decoder and scaler of the built libacl_dvpp.so.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "cc/image/decode.h"
#include "cc/image/testing.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr acldvppPixelFormat kNv12 = PIXEL_FORMAT_YUV_SEMIPLANAR_420;

// A channel, and pictures with memory.
struct Device {
  explicit Device(const Functions& functions)
      : acl(functions), dvpp(OpenDvpp()) {
    channel = dvpp.acldvppCreateChannelDesc();
    EXPECT_EQ(dvpp.acldvppCreateChannel(channel), 0);
    config = dvpp.acldvppCreateResizeConfig();
  }

  ~Device() {
    for (acldvppPicDesc* picture : pictures) {
      dvpp.acldvppDestroyPicDesc(picture);
    }
    for (void* block : blocks) dvpp.acldvppFree(block);
    dvpp.acldvppDestroyResizeConfig(config);
    dvpp.acldvppDestroyChannel(channel);
    dvpp.acldvppDestroyChannelDesc(channel);
  }

  void* Allocate(uint32_t size) {
    void* block = nullptr;
    EXPECT_EQ(dvpp.acldvppMalloc(&block, size), 0);
    blocks.push_back(block);
    return block;
  }

  // Returns the description of a picture, whose memory is blocks.back().
  acldvppPicDesc* Picture(uint32_t width, uint32_t height,
                          uint32_t width_stride, uint32_t height_stride,
                          acldvppPixelFormat format = kNv12) {
    acldvppPicDesc* const picture = dvpp.acldvppCreatePicDesc();
    pictures.push_back(picture);
    const uint32_t size = width_stride * height_stride * 3 / 2;
    dvpp.acldvppSetPicDescData(picture, Allocate(size));
    dvpp.acldvppSetPicDescSize(picture, size);
    dvpp.acldvppSetPicDescFormat(picture, format);
    dvpp.acldvppSetPicDescWidth(picture, width);
    dvpp.acldvppSetPicDescHeight(picture, height);
    dvpp.acldvppSetPicDescWidthStride(picture, width_stride);
    dvpp.acldvppSetPicDescHeightStride(picture, height_stride);
    return picture;
  }

  // Returns the code of the synchronisation.
  aclError Decode(const std::string& jpeg, acldvppPicDesc* picture) {
    const auto size = static_cast<uint32_t>(jpeg.size());
    void* const file = Allocate(size);
    EXPECT_EQ(acl.aclrtMemcpy(file, size, jpeg.data(), size,
                              ACL_MEMCPY_HOST_TO_DEVICE),
              0);
    EXPECT_EQ(
        dvpp.acldvppJpegDecodeAsync(channel, file, size, picture, nullptr), 0);
    return acl.aclrtSynchronizeStream(nullptr);
  }

  aclError Resize(acldvppPicDesc* from, acldvppPicDesc* to) {
    EXPECT_EQ(dvpp.acldvppVpcResizeAsync(channel, from, to, config, nullptr),
              0);
    return acl.aclrtSynchronizeStream(nullptr);
  }

  const Functions& acl;
  const DvppFunctions dvpp;
  acldvppChannelDesc* channel = nullptr;
  acldvppResizeConfig* config = nullptr;
  std::vector<acldvppPicDesc*> pictures;
  std::vector<void*> blocks;
};

Child WithDevice(const std::function<void(Device*)>& body) {
  return InSession({}, [body](auto& acl) {
    Device device(acl);
    body(&device);
  });
}

JpegOptions Gradient(int height, int width) {
  JpegOptions options;
  options.height = height;
  options.width = width;
  for (int i = 0; i < height * width; ++i) {
    options.luma.push_back(
        static_cast<uint8_t>(4 * (i / width) + 2 * (i % width)));
  }
  return options;
}

std::string Progressive() {
  JpegOptions options = Gradient(32, 32);
  options.progressive = true;
  return MakeJpeg(options);
}

TEST(DvppTest, DecodesTheLumaThatTheHostDecodes) {
  ExpectClean(WithDevice([](Device* device) {
    const DvppFunctions& dvpp = device->dvpp;
    const std::string jpeg = MakeJpeg(Gradient(34, 40));
    acldvppPicDesc* const picture = device->Picture(40, 34, 128, 48);
    const void* const block = device->blocks.back();
    EXPECT_EQ(device->Decode(jpeg, picture), 0);
    EXPECT_EQ(dvpp.acldvppGetPicDescRetCode(picture), 0);
    EXPECT_EQ(dvpp.acldvppGetPicDescWidth(picture), 40);
    EXPECT_EQ(dvpp.acldvppGetPicDescHeight(picture), 34);
    std::vector<uint8_t> bytes(128 * 48 * 3 / 2);
    device->acl.aclrtMemcpy(bytes.data(), bytes.size(), block, bytes.size(),
                            ACL_MEMCPY_DEVICE_TO_HOST);
    const GrayImage expected = *DecodeImage(jpeg);
    for (size_t y = 0; y < 34; ++y) {
      for (size_t x = 0; x < 40; ++x) {
        ASSERT_EQ(bytes[y * 128 + x], expected.pixels[y * 40 + x]);
      }
    }
    EXPECT_EQ(bytes.back(), 128) << "colours of a gray picture";
  }));
}

TEST(DvppTest, DecodingFailsAtTheSynchronisation) {
  const std::string good = MakeJpeg(Gradient(32, 32));
  struct Case {
    std::string jpeg;
    uint32_t width_stride;
    uint32_t height_stride;
  };
  for (const Case& invalid : {
           Case{MakeJpeg(Gradient(28, 28)), 128, 32},  // too small
           Case{Progressive(), 128, 32},
           Case{good.substr(0, good.size() / 2), 128, 32},  // truncated
           Case{"no JPEG", 128, 32}, Case{good, 64, 32},    // strides
           Case{good, 128, 24}, Case{good, 128, 16},        // no room
       }) {
    ExpectClean(WithDevice([&](Device* device) {
      acldvppPicDesc* const picture =
          device->Picture(32, 32, invalid.width_stride, invalid.height_stride);
      EXPECT_EQ(device->Decode(invalid.jpeg, picture),
                ACL_ERROR_RT_AICPU_EXCEPTION);
      EXPECT_NE(device->dvpp.acldvppGetPicDescRetCode(picture), 0);
    }));
  }
}

TEST(DvppTest, PredictsTheSizeOnTheHost) {
  ExpectClean(WithDevice([](Device* device) {
    uint32_t size = 0;
    const auto predict = [&](const std::string& jpeg,
                             acldvppPixelFormat format = kNv12) {
      return device->dvpp.acldvppJpegPredictDecSize(
          jpeg.data(), static_cast<uint32_t>(jpeg.size()), format, &size);
    };
    const std::string good = MakeJpeg(Gradient(32, 32));
    EXPECT_EQ(predict(good), 0);
    EXPECT_EQ(size, 128 * 32 * 3 / 2);
    EXPECT_EQ(predict(good, PIXEL_FORMAT_YUV_400), ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(predict(MakeJpeg(Gradient(28, 28))), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(predict("no JPEG"), ACL_ERROR_FAILURE);
    EXPECT_EQ(predict(Progressive()), ACL_ERROR_UNSUPPORTED_JPEG);
  }));
}

TEST(DvppTest, LimitsOfTheScaler) {
  struct Case {
    uint32_t width, height, width_stride, height_stride;
    aclError code = ACL_ERROR_RT_AICPU_EXCEPTION;
  };
  for (const Case& test : {
           Case{32, 32, 32, 32, 0},   // valid
           Case{8, 32, 32, 32},       // narrow
           Case{31, 32, 32, 32},      // odd
           Case{16, 16, 16, 16},      // least stride
           Case{40, 32, 40, 32},      // stride not a multiple of 16
           Case{32, 32, 32, 30},      // stride below the height
           Case{1040, 32, 1040, 32},  // more than 16 times as wide
       }) {
    ExpectClean(WithDevice([&](Device* device) {
      acldvppPicDesc* const from = device->Picture(64, 32, 128, 32);
      EXPECT_EQ(device->Decode(MakeJpeg(Gradient(32, 64)), from), 0);
      acldvppPicDesc* const to = device->Picture(
          test.width, test.height, test.width_stride, test.height_stride);
      EXPECT_EQ(device->Resize(from, to), test.code);
      EXPECT_EQ(device->dvpp.acldvppGetPicDescRetCode(to) != 0, test.code != 0);
    }));
  }
}

TEST(DvppTest, InvalidArgumentsFailInTheCall) {
  ExpectClean(WithDevice([](Device* device) {
    const DvppFunctions& dvpp = device->dvpp;
    acldvppPicDesc* const gray =
        device->Picture(32, 32, 128, 32, PIXEL_FORMAT_YUV_400);
    EXPECT_EQ(dvpp.acldvppJpegDecodeAsync(
                  device->channel, device->Allocate(100), 100, gray, nullptr),
              ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(dvpp.acldvppVpcResizeAsync(device->channel, gray, gray,
                                         device->config, nullptr),
              ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(dvpp.acldvppSetResizeConfigInterpolation(device->config, 5),
              ACL_ERROR_FEATURE_UNSUPPORTED);
    EXPECT_EQ(dvpp.acldvppDestroyPicDesc(nullptr), 0);
    EXPECT_EQ(dvpp.acldvppSetPicDescSize(nullptr, 1), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(dvpp.acldvppGetPicDescWidth(nullptr), 0);
  }));
}

TEST(DvppTest, Violations) {
  ExpectViolation("still has a channel", WithDevice([](Device* device) {
                    EXPECT_EQ(
                        device->dvpp.acldvppDestroyChannelDesc(device->channel),
                        ACL_ERROR_RELATIVE_RESOURCE_NOT_CLEARED);
                  }));
  ExpectViolation(
      "not memory of acldvppMalloc", WithDevice([](Device* device) {
        void* memory = nullptr;
        device->acl.aclrtMalloc(&memory, 1000, ACL_MEM_MALLOC_NORMAL_ONLY);
        acldvppPicDesc* const picture = device->Picture(32, 32, 128, 32);
        device->dvpp.acldvppJpegDecodeAsync(device->channel, memory, 1000,
                                            picture, nullptr);
        EXPECT_EQ(device->acl.aclrtSynchronizeStream(nullptr),
                  ACL_ERROR_RT_AICPU_EXCEPTION);
        EXPECT_EQ(device->acl.aclrtFree(memory), 0);
      }));
}

}  // namespace
}  // namespace lenet::ascend::sim
