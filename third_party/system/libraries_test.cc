#include <benchmark/benchmark.h>
#include <google/protobuf/stubs/common.h>
#include <hwy/highway.h>
#include <jpeglib.h>
#include <png.h>
#include <sha2.h>
#include <yaml-cpp/yaml.h>
#include <zlib.h>

#include <cstdio>  // jpeglib.h needs FILE declared
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

TEST(LibrariesTest, LinkAndRun) {
  EXPECT_EQ(absl::StrFormat("%d", 310), "310");
  EXPECT_NE(hwy::TargetName(HWY_STATIC_TARGET), nullptr);
  jpeg_error_mgr errors;
  EXPECT_EQ(jpeg_std_error(&errors), &errors);
  EXPECT_EQ(png_access_version_number(), PNG_LIBPNG_VER);
  EXPECT_EQ(nlohmann::json::parse("[5]")[0], 5);
  char digest[SHA256_DIGEST_STRING_LENGTH];
  EXPECT_EQ(SHA256Data(nullptr, 0, digest), digest);
  EXPECT_STREQ(zlibVersion(), ZLIB_VERSION);
  EXPECT_EQ(YAML::Load("a: 5")["a"].as<int>(), 5);
  GOOGLE_PROTOBUF_VERIFY_VERSION;
  benchmark::RegisterBenchmark("nothing", [](benchmark::State&) {});
  EXPECT_THAT(benchmark::GetBenchmarkFilter(), testing::_);
}

}  // namespace
