#include "cc/inference/flags.h"

#include <stdlib.h>

#include <set>
#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine.h"
#include "cc/inference/options.h"
#include "configs/defaults.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::HasSubstr;

class FlagsTest : public testing::Test {
 protected:
  FlagsTest() { setenv("BUILD_WORKING_DIRECTORY", "/typed/here", 1); }

 private:
  const absl::FlagSaver saver_;
};

TEST_F(FlagsTest, DefaultsAreThoseOfTheFile) {
  LENET_ASSERT_OK_AND_ASSIGN(const ParsedFlags parsed, ParseFlags({}));
  EXPECT_FALSE(parsed.help);
  EXPECT_EQ(parsed.options.mindir_path, "");
  EXPECT_EQ(parsed.options.result_path, "/typed/here/result_Files");
  EXPECT_EQ(parsed.options.batch_size, defaults::infer310::kBatchSize);
  EXPECT_EQ(parsed.options.image_width, defaults::image::kImageWidth);
  EXPECT_EQ(parsed.options.device_target, DeviceTarget::kAuto);
  EXPECT_FALSE(parsed.options.dvpp);
}

TEST_F(FlagsTest, EachKeyOfItsSectionsIsAnOptionAndTheReverse) {
  std::set<std::string> keys;
  std::set<std::string> specs;
  for (const defaults::Key& key : defaults::kKeys) {
    const std::string section = key.section;
    if (section == "device" || section == "image" || section == "infer310") {
      keys.insert(section + "." + key.name);
    }
  }
  for (const OptionSpec& spec : OptionSpecs()) {
    specs.insert(std::string(spec.section) + "." + spec.name);
    EXPECT_NE(absl::FindCommandLineFlag(spec.name), nullptr) << spec.name;
  }
  EXPECT_EQ(keys, specs);
}

TEST_F(FlagsTest, EachDefaultIsValid) {
  for (const OptionSpec& spec : OptionSpecs()) {
    EXPECT_THAT(
        CheckValue(spec, absl::FindCommandLineFlag(spec.name)->DefaultValue(),
                   "default"),
        IsOk());
  }
}

TEST_F(FlagsTest, TakesBothSpellingsOfAFlag) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const ParsedFlags parsed,
      ParseFlags({"--limit=3", "--threads", "2", "-batch_size=4", "-engine",
                  "lite", "--cpu_dvpp=dvpp", "--device_target=cpu",
                  "--mindir_path=../a=b.mindir", "--aipp_path=/x/y.cfg"}));
  EXPECT_EQ(parsed.options.limit, 3);
  EXPECT_EQ(parsed.options.threads, 2);
  EXPECT_EQ(parsed.options.batch_size, 4);
  EXPECT_EQ(parsed.options.engine, "lite");
  EXPECT_TRUE(parsed.options.dvpp);
  EXPECT_EQ(parsed.options.device_target, DeviceTarget::kCpu);
  EXPECT_EQ(parsed.options.mindir_path, "/typed/a=b.mindir");
  EXPECT_EQ(parsed.options.aipp_path, "/x/y.cfg");
}

TEST_F(FlagsTest, CommandLineBeatsFileBeatsDefault) {
  const TempFolder folder;
  const std::string file =
      folder.Write("a.yaml", "infer310: {limit: 7, threads: 3}");
  LENET_ASSERT_OK_AND_ASSIGN(const ParsedFlags parsed,
                             ParseFlags({"--limit=0", "--config_path", file}));
  EXPECT_EQ(parsed.options.limit, 0);  // given, though it is the default
  EXPECT_EQ(parsed.options.threads, 3);
  EXPECT_EQ(parsed.options.batch_size, defaults::infer310::kBatchSize);
}

TEST_F(FlagsTest, PathsAreRelativeToWhereTheUserIs) {
  EXPECT_EQ(AbsolutePath(""), "");
  EXPECT_EQ(AbsolutePath("a/../b/"), "/typed/here/b");
  EXPECT_EQ(AbsolutePath("/a//b"), "/a/b");
  setenv("HOME", "/home/me", 1);
  EXPECT_EQ(AbsolutePath("~/a"), "/home/me/a");
}

TEST_F(FlagsTest, HelpWinsOverMistakes) {
  LENET_ASSERT_OK_AND_ASSIGN(const ParsedFlags parsed,
                             ParseFlags({"--no_flag", "--help"}));
  EXPECT_TRUE(parsed.help);
}

TEST_F(FlagsTest, HelpShowsSectionDefaultAndUnit) {
  const std::string help = HelpText();
  EXPECT_THAT(help, HasSubstr("\nimage:\n  --image_height\n"));
  EXPECT_THAT(help, HasSubstr("(unit: pixels; default: 32)"));
  EXPECT_THAT(help, HasSubstr("(CPU | DVPP; default: CPU)"));
  EXPECT_THAT(help, HasSubstr("\n  --[no]self_test\n"));
  EXPECT_THAT(help, HasSubstr("--config_path"));
}

TEST_F(FlagsTest, BooleansMayGoWithoutAValue) {
  LENET_ASSERT_OK_AND_ASSIGN(ParsedFlags parsed, ParseFlags({}));
  EXPECT_TRUE(parsed.options.self_test);
  EXPECT_FALSE(parsed.options.probe);
  EXPECT_FALSE(parsed.options.json);
  LENET_ASSERT_OK_AND_ASSIGN(
      parsed, ParseFlags({"--noself_test", "-probe", "--json=T"}));
  EXPECT_FALSE(parsed.options.self_test);
  EXPECT_TRUE(parsed.options.probe);
  EXPECT_TRUE(parsed.options.json);
  LENET_ASSERT_OK_AND_ASSIGN(
      parsed, ParseFlags({"--self_test=0", "--nojson", "--probe=false"}));
  EXPECT_FALSE(parsed.options.self_test);
  EXPECT_FALSE(parsed.options.probe);
  EXPECT_FALSE(parsed.options.json);
}

TEST_F(FlagsTest, BooleansInAFile) {
  const TempFolder folder;
  const std::string file =
      folder.Write("a.yaml", "infer310: {self_test: no, json: true}");
  LENET_ASSERT_OK_AND_ASSIGN(const ParsedFlags parsed,
                             ParseFlags({"--config_path", file, "--nojson"}));
  EXPECT_FALSE(parsed.options.self_test);
  EXPECT_FALSE(parsed.options.json);
}

struct Refused {
  std::vector<std::string> arguments;
  const char* message;
};

class RefusedFlagsTest : public FlagsTest,
                         public testing::WithParamInterface<Refused> {};

TEST_P(RefusedFlagsTest, SaysWhatIsWrong) {
  EXPECT_THAT(ParseFlags(GetParam().arguments),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedFlagsTest,
    testing::Values(
        Refused{{"--batchsize=4"}, "did you mean 'batch_size'?"},
        Refused{{"--nolimit"}, "unknown flag '--nolimit'"},
        Refused{{"stray"}, "unexpected argument 'stray'"},
        Refused{{"-"}, "unexpected argument '-'"},
        Refused{{"--"}, "unknown flag '--'"},
        Refused{{"--limit=3", "x.mindir"}, "unexpected argument 'x.mindir'"},
        Refused{{"--limit"}, "--limit has no value"},
        Refused{{"--limit=many"}, "whole number of at least 0, not 'many'"},
        Refused{{"--limit="}, "not ''"}, Refused{{"--limit=1.5"}, "not '1.5'"},
        Refused{{"--limit=99999999999"}, "not '99999999999'"},
        Refused{{"--batch_size=0"}, "at least 1 and of at most 65536"},
        Refused{{"--device_target=GPU"}, "one of auto, Ascend310, CPU"},
        Refused{{"--engine=gpu"}, "one of auto, native, lite, acl, not 'gpu'"},
        Refused{{"--json=maybe"}, "json must be true or false, not 'maybe'"},
        Refused{{"--json="}, "json must be true or false, not ''"},
        Refused{{"--json", "true"}, "unexpected argument 'true'"},
        Refused{{"--nojson=true"}, "unknown flag '--nojson=true'"},
        Refused{{"--nonjson"}, "unknown flag '--nonjson'"},
        Refused{{"--result_path="}, "result_path is empty"}));

}  // namespace
}  // namespace lenet
