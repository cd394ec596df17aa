#include "cc/ascend/manifest.h"

#include <string>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kFull[] = R"({
  "model_sha256": "ab12", "source": "lenet.onnx", "source_sha256": "cd34",
  "soc_version": "Ascend310", "atc_version": "7.0.1", "input_form": "luma",
  "height": 32, "width": 32, "batch": [1, 8, 16], "aipp_sha256": "ef56",
  "what a later version adds": {"is": "left alone"}})";

TEST(ReadManifestTest, GivesAllThatIsThere) {
  const TempFolder folder;
  folder.Write("lenet.om.json", kFull);
  LENET_ASSERT_OK_AND_ASSIGN(const auto manifest,
                             ReadManifest(folder.path() + "/lenet.om"));
  ASSERT_TRUE(manifest.has_value());
  EXPECT_EQ(manifest->model_sha256, "ab12");
  EXPECT_EQ(manifest->source, "lenet.onnx");
  EXPECT_EQ(manifest->source_sha256, "cd34");
  EXPECT_EQ(manifest->soc_version, "Ascend310");
  EXPECT_EQ(manifest->atc_version, "7.0.1");
  EXPECT_EQ(manifest->input_form, "luma");
  EXPECT_EQ(manifest->aipp_sha256, "ef56");
  EXPECT_EQ(manifest->height, 32);
  EXPECT_EQ(manifest->width, 32);
  EXPECT_THAT(manifest->batch, ElementsAre(1, 8, 16));
}

TEST(ReadManifestTest, ThereMayBeNone) {
  const TempFolder folder;
  LENET_ASSERT_OK_AND_ASSIGN(const auto manifest,
                             ReadManifest(folder.path() + "/lenet.om"));
  EXPECT_FALSE(manifest.has_value());
}

TEST(ReadManifestTest, OneThatCannotBeReadIsAnError) {
  const TempFolder folder;
  folder.Write("lenet.om.json/is_a_folder", "");
  EXPECT_THAT(ReadManifest(folder.path() + "/lenet.om"),
              StatusIs(kInvalid, HasSubstr("lenet.om.json")));
}

TEST(ParseManifestTest, OnlyHashAndChipAreNeeded) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const Manifest manifest,
      ParseManifest("m", R"({"model_sha256": "a", "soc_version": "b",
                             "atc_version": null})"));
  EXPECT_EQ(manifest.height, 0);
  EXPECT_EQ(manifest.atc_version, "");
  EXPECT_THAT(manifest.batch, IsEmpty());
}

struct Refused {
  const char* content;
  const char* message;
};

class RefusedManifestTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedManifestTest, NamesTheFileTheKeyAndTheRemedy) {
  EXPECT_THAT(
      ParseManifest("my.om.json", GetParam().content),
      StatusIs(kInvalid, AllOf(HasSubstr("my.om.json: "), HasSubstr("to_om"),
                               HasSubstr(GetParam().message))))
      << GetParam().content;
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedManifestTest,
    testing::Values(
        Refused{"", "expected a JSON object"},
        Refused{"{", "expected a JSON object"},
        Refused{"[1]", "expected a JSON object"},
        Refused{"{} {}", "expected a JSON object"},
        Refused{R"({"soc_version": "b"})", "model_sha256 is missing"},
        Refused{R"({"model_sha256": "a"})", "soc_version is missing"},
        Refused{R"({"model_sha256": 5, "soc_version": "b"})",
                "model_sha256 must be a text, not 5"},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "height": "32"})",
                "height must be a whole number above 0, not \"32\""},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "width": 0})",
                "width must be"},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "width": -1})",
                "width must be"},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "width": 1e99})",
                "width must be"},
        Refused{R"({"model_sha256": "a", "soc_version": "b",
                    "width": 18446744073709551615})",
                "width must be"},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "batch": 1})",
                "batch must be a list of numbers"},
        Refused{R"({"model_sha256": "a", "soc_version": "b", "batch": ["1"]})",
                "batch must be a list of numbers"},
        Refused{R"({"model_sha256": "a", "soc_version": "b",
                    "input_form": "rgb"})",
                "input_form must be float or luma, not \"rgb\""}));

TEST(IsOmFileTest, ByNameOrByItsFirstBytes) {
  const TempFolder folder;
  EXPECT_TRUE(IsOmFile("/no/such/lenet.om"));
  EXPECT_TRUE(IsOmFile("LENET.OM"));
  EXPECT_TRUE(IsOmFile(folder.Write("renamed.bin", "IMOD and more")));
  EXPECT_FALSE(IsOmFile(folder.Write("lenet.mindir", "\x0a\x05 IMOD")));
  EXPECT_FALSE(IsOmFile(folder.Write("short", "IMO")));
  EXPECT_FALSE(IsOmFile("/no/such/lenet.mindir"));
  EXPECT_FALSE(IsOmFile(folder.path()));
}

TEST(SameSocTest, ASimulatorCountsAsWhatItSimulates) {
  EXPECT_TRUE(SameSoc("Ascend310", "Ascend310"));
  EXPECT_TRUE(SameSoc("ascend310", "Ascend310-simulator"));
  EXPECT_FALSE(SameSoc("Ascend310", "Ascend310P3"));
  EXPECT_FALSE(SameSoc("Ascend310P3", "Ascend310-simulator"));
  EXPECT_TRUE(IsSimulator("Ascend310-simulator"));
  EXPECT_FALSE(IsSimulator("Ascend310"));
}

Manifest Example() {
  Manifest manifest;
  manifest.model_sha256 = "ab12";
  manifest.soc_version = "Ascend310P3";
  return manifest;
}

TEST(CheckManifestTest, IsOkForTheSameFileAndChip) {
  EXPECT_THAT(CheckManifest(Example(), "a.om", "AB12", "Ascend310P3"), IsOk());
  EXPECT_THAT(CheckManifest(Example(), "a.om", "ab12", ""), IsOk());
}

TEST(CheckManifestTest, AnotherFileIsNamedWithBothHashes) {
  EXPECT_THAT(
      CheckManifest(Example(), "a.om", "ffff", "Ascend310P3"),
      StatusIs(kInvalid, AllOf(HasSubstr("a.om: "), HasSubstr("ffff"),
                               HasSubstr("ab12"), HasSubstr("a.om.json"))));
}

TEST(CheckManifestTest, AnotherChipIsNamedWithTheCommand) {
  EXPECT_THAT(
      CheckManifest(Example(), "a.om", "ab12", "Ascend310-simulator"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("Ascend310P3"), HasSubstr("Ascend310-simulator"),
                     HasSubstr("--soc_version Ascend310"))));
}

}  // namespace
}  // namespace lenet::ascend
