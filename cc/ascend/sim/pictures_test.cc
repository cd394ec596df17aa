// Channels, the JPEG decoder and the scaler of the built libacl_dvpp.so.

#include "cc/ascend/sim/pictures.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "cc/image/decode.h"
#include "cc/image/testing.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr acldvppPixelFormat kNv12 = PIXEL_FORMAT_YUV_SEMIPLANAR_420;

using Body = std::function<void(const Functions&, const DvppFunctions&)>;

Outcome WithDvpp(const Body& body) {
  return InChild({}, [&body](const Functions& acl) {
    Begin(acl);
    body(acl, OpenDvpp());
    End(acl);
  });
}

// A channel, and a picture with memory.
struct Device {
  Device(const Functions& functions, const DvppFunctions& dvpp_functions)
      : acl(functions), dvpp(dvpp_functions) {
    channel = dvpp.acldvppCreateChannelDesc();
    EXPECT_EQ(dvpp.acldvppCreateChannel(channel), 0);
    config = dvpp.acldvppCreateResizeConfig();
  }

  ~Device() {
    for (acldvppPicDesc* picture : pictures)
      dvpp.acldvppDestroyPicDesc(picture);
    for (void* block : blocks) dvpp.acldvppFree(block);
    dvpp.acldvppDestroyResizeConfig(config);
    dvpp.acldvppDestroyChannel(channel);
    dvpp.acldvppDestroyChannelDesc(channel);
  }

  void* Malloc(uint32_t size) {
    void* block = nullptr;
    EXPECT_EQ(dvpp.acldvppMalloc(&block, size), 0);
    blocks.push_back(block);
    return block;
  }

  acldvppPicDesc* Picture(uint32_t width, uint32_t height,
                          uint32_t width_stride, uint32_t height_stride,
                          acldvppPixelFormat format = kNv12) {
    acldvppPicDesc* const picture = dvpp.acldvppCreatePicDesc();
    pictures.push_back(picture);
    const uint32_t size = width_stride * height_stride * 3 / 2;
    void* const data = Malloc(size);
    buffers[picture] = {data, size};
    dvpp.acldvppSetPicDescData(picture, data);
    dvpp.acldvppSetPicDescSize(picture, size);
    dvpp.acldvppSetPicDescFormat(picture, format);
    dvpp.acldvppSetPicDescWidth(picture, width);
    dvpp.acldvppSetPicDescHeight(picture, height);
    dvpp.acldvppSetPicDescWidthStride(picture, width_stride);
    dvpp.acldvppSetPicDescHeightStride(picture, height_stride);
    return picture;
  }

  // What the synchronisation after the decoding returns.
  aclError Decode(const std::string& jpeg, acldvppPicDesc* picture) {
    const auto size = static_cast<uint32_t>(jpeg.size());
    void* const file = Malloc(size);
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

  std::vector<uint8_t> Bytes(const acldvppPicDesc* picture) {
    const auto& [data, size] = buffers.at(picture);
    std::vector<uint8_t> bytes(size);
    EXPECT_EQ(acl.aclrtMemcpy(bytes.data(), bytes.size(), data, bytes.size(),
                              ACL_MEMCPY_DEVICE_TO_HOST),
              0);
    return bytes;
  }

  const Functions& acl;
  const DvppFunctions& dvpp;
  acldvppChannelDesc* channel = nullptr;
  acldvppResizeConfig* config = nullptr;
  std::vector<acldvppPicDesc*> pictures;
  std::map<const acldvppPicDesc*, std::pair<void*, uint32_t>> buffers;
  std::vector<void*> blocks;
};

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

TEST(PicturesTest, DecodesTheLumaThatTheHostDecodes) {
  ExpectClean(WithDvpp([](const Functions& acl, const DvppFunctions& dvpp) {
    Device device(acl, dvpp);
    const std::string jpeg = MakeJpeg(Gradient(34, 40));
    acldvppPicDesc* const picture = device.Picture(40, 34, 128, 48);
    EXPECT_EQ(device.Decode(jpeg, picture), 0);
    EXPECT_EQ(dvpp.acldvppGetPicDescRetCode(picture), 0);
    EXPECT_EQ(dvpp.acldvppGetPicDescWidth(picture), 40);
    EXPECT_EQ(dvpp.acldvppGetPicDescHeight(picture), 34);
    const std::vector<uint8_t> bytes = device.Bytes(picture);
    const GrayImage expected = *DecodeJpeg(jpeg);
    for (size_t y = 0; y < 34; ++y) {
      for (size_t x = 0; x < 40; ++x) {
        ASSERT_EQ(bytes[y * 128 + x], expected.pixels[y * 40 + x]);
      }
    }
    EXPECT_EQ(bytes.back(), 128) << "colours of a gray picture";
  }));
}

TEST(PicturesTest, WhatIsWrongShowsAtTheSynchronisation) {
  JpegOptions progressive = Gradient(32, 32);
  progressive.progressive = true;
  const std::string good = MakeJpeg(Gradient(32, 32));
  struct Case {
    std::string jpeg;
    uint32_t width_stride;
    uint32_t height_stride;
  };
  for (const Case& wrong : {
           Case{MakeJpeg(Gradient(28, 28)), 128, 32},  // too small
           Case{MakeJpeg(progressive), 128, 32},
           Case{good.substr(0, good.size() / 2), 128, 32},  // cut off
           Case{"no JPEG", 128, 32}, Case{good, 64, 32},    // strides
           Case{good, 128, 24}, Case{good, 128, 16},        // no room
       }) {
    ExpectClean(WithDvpp([&](const Functions& acl, const DvppFunctions& dvpp) {
      Device device(acl, dvpp);
      acldvppPicDesc* const picture =
          device.Picture(32, 32, wrong.width_stride, wrong.height_stride);
      EXPECT_EQ(device.Decode(wrong.jpeg, picture),
                ACL_ERROR_RT_AICPU_EXCEPTION);
      EXPECT_NE(dvpp.acldvppGetPicDescRetCode(picture), 0);
    }));
  }
}

TEST(PicturesTest, PredictsTheSizeOnTheHost) {
  ExpectClean(WithDvpp([](const Functions&, const DvppFunctions& dvpp) {
    const auto predict = [&](const std::string& jpeg, acldvppPixelFormat format,
                             uint32_t* size) {
      return dvpp.acldvppJpegPredictDecSize(
          jpeg.data(), static_cast<uint32_t>(jpeg.size()), format, size);
    };
    uint32_t size = 0;
    const std::string good = MakeJpeg(Gradient(32, 32));
    EXPECT_EQ(predict(good, kNv12, &size), 0);
    EXPECT_EQ(size, 128 * 32 * 3 / 2);
    EXPECT_EQ(predict(good, PIXEL_FORMAT_YUV_400, &size),
              ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(predict(MakeJpeg(Gradient(28, 28)), kNv12, &size),
              ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(predict("no JPEG", kNv12, &size), ACL_ERROR_FAILURE);
    JpegOptions progressive = Gradient(32, 32);
    progressive.progressive = true;
    EXPECT_EQ(predict(MakeJpeg(progressive), kNv12, &size),
              ACL_ERROR_UNSUPPORTED_JPEG);
  }));
}

TEST(PicturesTest, ScalesNearToTheTruth) {
  ExpectClean(WithDvpp([](const Functions& acl, const DvppFunctions& dvpp) {
    Device device(acl, dvpp);
    acldvppPicDesc* const decoded = device.Picture(64, 64, 128, 64);
    EXPECT_EQ(device.Decode(MakeJpeg(Gradient(64, 64)), decoded), 0);
    acldvppPicDesc* const same = device.Picture(64, 64, 64, 64);
    EXPECT_EQ(device.Resize(decoded, same), 0);
    EXPECT_EQ(device.Bytes(same)[63], device.Bytes(decoded)[63]);
    acldvppPicDesc* const half = device.Picture(32, 32, 32, 32);
    EXPECT_EQ(device.Resize(decoded, half), 0);
    // Pixel (y, x) lies at (2 y + 0.5, 2 x + 0.5) of 4 y + 2 x.
    const std::vector<uint8_t> bytes = device.Bytes(half);
    for (size_t i = 0; i < 15; ++i) {
      EXPECT_NEAR(bytes[i * 32 + i], 12.0 * static_cast<double>(i) + 3, 3);
    }
  }));
}

TEST(PicturesTest, LimitsOfTheScaler) {
  struct Case {
    uint32_t width, height, width_stride, height_stride;
  };
  for (const Case& wrong : {
           Case{8, 32, 32, 32},       // narrow
           Case{31, 32, 32, 32},      // odd
           Case{16, 16, 16, 16},      // least stride
           Case{40, 32, 40, 32},      // stride not of 16
           Case{32, 32, 32, 30},      // stride below the height
           Case{1040, 32, 1040, 32},  // more than 16 times as wide
       }) {
    ExpectClean(WithDvpp([&](const Functions& acl, const DvppFunctions& dvpp) {
      Device device(acl, dvpp);
      acldvppPicDesc* const from = device.Picture(64, 32, 128, 32);
      EXPECT_EQ(device.Decode(MakeJpeg(Gradient(32, 64)), from), 0);
      acldvppPicDesc* const to = device.Picture(
          wrong.width, wrong.height, wrong.width_stride, wrong.height_stride);
      EXPECT_EQ(device.Resize(from, to), ACL_ERROR_RT_AICPU_EXCEPTION);
      EXPECT_NE(dvpp.acldvppGetPicDescRetCode(to), 0);
    }));
  }
}

TEST(PicturesTest, WrongFormatsFailInTheCall) {
  ExpectClean(WithDvpp([](const Functions& acl, const DvppFunctions& dvpp) {
    Device device(acl, dvpp);
    acldvppPicDesc* const gray =
        device.Picture(32, 32, 128, 32, PIXEL_FORMAT_YUV_400);
    EXPECT_EQ(dvpp.acldvppJpegDecodeAsync(device.channel, device.Malloc(100),
                                          100, gray, nullptr),
              ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(dvpp.acldvppVpcResizeAsync(device.channel, gray, gray,
                                         device.config, nullptr),
              ACL_ERROR_FORMAT_NOT_MATCH);
    EXPECT_EQ(dvpp.acldvppSetResizeConfigInterpolation(device.config, 5),
              ACL_ERROR_FEATURE_UNSUPPORTED);
    EXPECT_EQ(dvpp.acldvppSetResizeConfigInterpolation(device.config, 1), 0);
  }));
}

TEST(PicturesTest, NullIsFineToDestroyAndWrongElsewhere) {
  ExpectClean(WithDvpp([](const Functions&, const DvppFunctions& dvpp) {
    EXPECT_EQ(dvpp.acldvppDestroyPicDesc(nullptr), 0);
    EXPECT_EQ(dvpp.acldvppDestroyChannelDesc(nullptr), 0);
    EXPECT_EQ(dvpp.acldvppDestroyResizeConfig(nullptr), 0);
    EXPECT_EQ(dvpp.acldvppSetPicDescSize(nullptr, 1), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(dvpp.acldvppGetPicDescWidth(nullptr), 0);
    EXPECT_EQ(dvpp.acldvppCreateChannel(nullptr), ACL_ERROR_INVALID_PARAM);
  }));
}

TEST(PicturesTest, ComplainsOfADescriptionDestroyedBeforeItsChannel) {
  ExpectComplaint(WithDvpp([](const Functions&, const DvppFunctions& dvpp) {
                    acldvppChannelDesc* const desc =
                        dvpp.acldvppCreateChannelDesc();
                    EXPECT_EQ(dvpp.acldvppCreateChannel(desc), 0);
                    EXPECT_EQ(dvpp.acldvppDestroyChannelDesc(desc),
                              ACL_ERROR_RELATIVE_RESOURCE_NOT_CLEARED);
                    EXPECT_EQ(dvpp.acldvppDestroyChannel(desc), 0);
                    EXPECT_EQ(dvpp.acldvppDestroyChannelDesc(desc), 0);
                  }),
                  "the channel of the description lives");
}

TEST(PicturesTest, ComplainsOfMemoryOfAnotherHeap) {
  ExpectComplaint(
      WithDvpp([](const Functions& acl, const DvppFunctions& dvpp) {
        Device device(acl, dvpp);
        void* memory = nullptr;
        EXPECT_EQ(acl.aclrtMalloc(&memory, 1000, ACL_MEM_MALLOC_NORMAL_ONLY),
                  0);
        acldvppPicDesc* const picture = device.Picture(32, 32, 128, 32);
        EXPECT_EQ(dvpp.acldvppJpegDecodeAsync(device.channel, memory, 1000,
                                              picture, nullptr),
                  0);
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr),
                  ACL_ERROR_RT_AICPU_EXCEPTION);
        EXPECT_EQ(acl.aclrtFree(memory), 0);
      }),
      "not memory of acldvppMalloc");
}

}  // namespace
}  // namespace lenet::ascend::sim
