#include "cc/inference/options.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/engine/engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

class OptionsTest : public testing::Test {
 protected:
  OptionsTest() {
    setenv("BUILD_WORKING_DIRECTORY", "/typed/here", 1);
    setenv("HOME", "/home/me", 1);
  }

  static absl::StatusOr<Infer310Options> Parse(
      std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "infer310");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    return ParseOptions(static_cast<int>(arguments.size()), argv.data());
  }

 private:
  const absl::FlagSaver saver_;
};

TEST_F(OptionsTest, DefaultsAreThoseOfTheFile) {
  LENET_ASSERT_OK_AND_ASSIGN(const Infer310Options options, Parse({}));
  EXPECT_EQ(options.model_path, "");
  EXPECT_EQ(options.result_path, "/typed/here/result_Files");
  EXPECT_EQ(options.batch_size, 1);
  EXPECT_EQ(options.image_width, 32);
  EXPECT_EQ(options.device_target, DeviceTarget::kAuto);
  EXPECT_FALSE(options.dvpp);
  EXPECT_TRUE(options.self_test);
}

TEST_F(OptionsTest, ReadsTheCommandLine) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const Infer310Options options,
      Parse({"--limit=3", "-threads", "2", "--batch_size", "4", "--engine=LITE",
             "--cpu_dvpp=dvpp", "--device_target=cpu", "--noself_test",
             "--mindir_path=../a=b.mindir", "--aipp_path=/x//y.cfg",
             "--dataset_path=~/a/"}));
  EXPECT_EQ(options.limit, 3);
  EXPECT_EQ(options.threads, 2);
  EXPECT_EQ(options.batch_size, 4);
  EXPECT_EQ(options.engine, "lite");
  EXPECT_TRUE(options.dvpp);
  EXPECT_EQ(options.device_target, DeviceTarget::kCpu);
  EXPECT_FALSE(options.self_test);
  EXPECT_EQ(options.model_path, "/typed/a=b.mindir");
  EXPECT_EQ(options.aipp_path, "/x/y.cfg");
  EXPECT_EQ(options.dataset_path, "/home/me/a");
}

TEST_F(OptionsTest, CommandLineOverridesFileAndFileOverridesDefault) {
  const TempFolder folder;
  const std::string file = folder.Write(
      "a.yaml", "infer310: {limit: 7, threads: 3, self_test: no, json: true}");
  LENET_ASSERT_OK_AND_ASSIGN(
      const Infer310Options options,
      Parse({"--limit=0", "--config_path", file, "--nojson"}));
  EXPECT_EQ(options.limit, 0);  // a given flag counts even if it is the default
  EXPECT_EQ(options.threads, 3);
  EXPECT_EQ(options.batch_size, 1);
  EXPECT_FALSE(options.self_test);
  EXPECT_FALSE(options.json);
}

TEST_F(OptionsTest, ErrorsNameTheFileThatGaveTheValue) {
  const TempFolder folder;
  const std::string file =
      folder.Write("a.yaml", "dataset_path: /none\nlimit: 7\ndevice_id: 1");
  LENET_ASSERT_OK_AND_ASSIGN(
      const Infer310Options options,
      Parse({"--config_path", file, "--limit=8", "--threads=1"}));
  const auto blame = [&](const char* message) {
    return std::string(
        BlameConfigFile(options, absl::NotFoundError(message)).message());
  };
  EXPECT_THAT(blame("/none is missing; give --device_id"),
              AllOf(HasSubstr("/none is missing; give --device_id (/"),
                    HasSubstr("/a.yaml sets dataset_path, device_id)")));
  EXPECT_EQ(blame("--limit and --threads"), "--limit and --threads");
}

struct Refused {
  const char* argument;
  const char* message;
};

class RefusedOptionsTest : public OptionsTest,
                           public testing::WithParamInterface<Refused> {};

TEST_P(RefusedOptionsTest, ReportsTheError) {
  EXPECT_THAT(Parse({GetParam().argument}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedOptionsTest,
    testing::Values(
        Refused{"stray", "unexpected argument 'stray'"},
        Refused{"--limit=-1",
                "limit must be an integer of at least 0, not '-1'"},
        Refused{"--batch_size=0", "at least 1 and at most 65536"},
        Refused{"--device_target=GPU", "one of auto, Ascend310, Ascend, CPU"},
        Refused{"--engine=gpu", "one of auto, native, lite, acl, not 'gpu'"},
        Refused{"--result_path=", "result_path is empty"}));

TEST_F(OptionsTest, ErrorsOfTheParserExitWithCode2) {
  for (const char* argument : {"--batchsize=4", "--nolimit", "--limit",
                               "--limit=many", "--json=maybe"}) {
    EXPECT_EXIT(static_cast<void>(Parse({argument})), ExitedWithCode(2),
                "^infer310: error: .*(; see --help|; did you mean "
                "--batch_size\\?)\n$")
        << argument;
  }
}

}  // namespace
}  // namespace lenet
