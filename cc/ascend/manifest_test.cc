#include "cc/ascend/manifest.h"

#include <string>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ReadManifestTest, ReadsHashAndChip) {
  const TempFolder folder;
  folder.Write("lenet.om.json", R"({"model_sha256": "ab12", "batch": [1, 8],
                                    "soc_version": "Ascend310"})");
  LENET_ASSERT_OK_AND_ASSIGN(const auto manifest,
                             ReadManifest(folder.path() + "/lenet.om"));
  ASSERT_TRUE(manifest.has_value());
  EXPECT_EQ(manifest->model_sha256, "ab12");
  EXPECT_EQ(manifest->soc_version, "Ascend310");
  LENET_ASSERT_OK_AND_ASSIGN(const auto none,
                             ReadManifest(folder.path() + "/other.om"));
  EXPECT_FALSE(none.has_value());
}

TEST(ReadManifestTest, RefusesOtherFiles) {
  const TempFolder folder;
  folder.Write("folder.om.json/file", "");
  EXPECT_THAT(ReadManifest(folder.path() + "/folder.om"),
              StatusIs(kInvalid, HasSubstr("folder.om.json")));
  for (const auto& [content, message] :
       {std::pair("", "expected a JSON object"),
        {"{", "expected a JSON object"},
        {"[1]", "expected a JSON object"},
        {"{} {}", "expected a JSON object"},
        {R"({"soc_version": "b"})", "expected a text for model_sha256"},
        {R"({"model_sha256": "a"})", "expected a text for soc_version"},
        {R"({"model_sha256": 5, "soc_version": "b"})",
         "expected a text for model_sha256"}}) {
    folder.Write("lenet.om.json", content);
    EXPECT_THAT(
        ReadManifest(folder.path() + "/lenet.om"),
        StatusIs(kInvalid, AllOf(HasSubstr("lenet.om.json: "),
                                 HasSubstr("to_om"), HasSubstr(message))))
        << content;
  }
}

TEST(IsOmFileTest, LooksAtNameAndFirstBytes) {
  const TempFolder folder;
  EXPECT_TRUE(IsOmFile("/no/such/lenet.om"));
  EXPECT_TRUE(IsOmFile("LENET.OM"));
  EXPECT_TRUE(IsOmFile(folder.Write("renamed.bin", "IMOD and more")));
  EXPECT_FALSE(IsOmFile(folder.Write("lenet.mindir", "\x0a\x05 IMOD")));
  EXPECT_FALSE(IsOmFile(folder.Write("short", "IMO")));
  EXPECT_FALSE(IsOmFile("/no/such/lenet.mindir"));
  EXPECT_FALSE(IsOmFile(folder.path()));
}

TEST(CheckManifestTest, ComparesFileAndChip) {
  const Manifest manifest = {"ab12", "Ascend310P3"};
  EXPECT_THAT(CheckManifest(manifest, "a.om", "AB12", "ascend310p3"), IsOk());
  EXPECT_THAT(CheckManifest(manifest, "a.om", "ab12", "Ascend310P3-simulator"),
              IsOk());
  EXPECT_THAT(CheckManifest(manifest, "a.om", "ab12", ""), IsOk());
  EXPECT_THAT(
      CheckManifest(manifest, "a.om", "ffff", "Ascend310P3"),
      StatusIs(kInvalid, AllOf(HasSubstr("a.om: "), HasSubstr("ffff"),
                               HasSubstr("ab12"), HasSubstr("a.om.json"))));
  EXPECT_THAT(
      CheckManifest(manifest, "a.om", "ab12", "Ascend310-simulator"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("Ascend310P3"), HasSubstr("Ascend310-simulator"),
                     HasSubstr("--soc_version Ascend310"))));
  EXPECT_TRUE(IsSimulator("Ascend310-simulator"));
  EXPECT_FALSE(IsSimulator("Ascend310"));
}

}  // namespace
}  // namespace lenet::ascend
