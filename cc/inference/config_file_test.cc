#include "cc/inference/config_file.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

struct Accepted {
  const char* yaml;
  std::map<std::string, std::string> values;
  const char* unused = "";
};

class AcceptedTest : public testing::TestWithParam<Accepted> {};

TEST_P(AcceptedTest, GivesTheValuesOfInfer310) {
  const TempFolder folder;
  LENET_ASSERT_OK_AND_ASSIGN(
      const ConfigFile file,
      ReadConfigFile(folder.Write("a.yaml", GetParam().yaml)));
  EXPECT_EQ(file.values, GetParam().values) << GetParam().yaml;
  EXPECT_EQ(absl::StrJoin(file.unused, ", "), GetParam().unused);
}

using Map = std::map<std::string, std::string>;

INSTANTIATE_TEST_SUITE_P(
    All, AcceptedTest,
    testing::Values(
        Accepted{"", {}}, Accepted{"# nothing\n", {}},
        Accepted{"\xef\xbb\xbflimit: 4\r\n", Map{{"limit", "4"}}},
        // Meant for training.
        Accepted{"batch_size: 64",
                 {},
                 "batch_size (counts in the section infer310 only)"},
        // The original's file: unknown keys and further documents have no use.
        Accepted{"device_target: Ascend\nlr: 0.01\nnum_classes: 10\n"
                 "sink_size: -1\nresult_path: ''\nload_path: /cache/x\n"
                 "save_checkpoint_epochs: 2\nnovel: [1]\n---\n"
                 "lr: help\n---\ndevice_target: ['Ascend']\n",
                 Map{{"device_target", "Ascend"}},
                 "num_classes, sink_size, result_path, load_path, "
                 "save_checkpoint_epochs, novel, the documents after the first "
                 "`---`"},
        Accepted{"device:\n#  device_id: 1\n", {}},
        Accepted{"ckpt_path: a\ncheckpoint_path: a", {}},
        Accepted{"infer310:\n  batch_size: 4\n  engine: lite\n",
                 Map{{"batch_size", "4"}, {"engine", "lite"}}},
        Accepted{"device: {device_target: ascend310}",
                 Map{{"device_target", "Ascend310"}}},
        // A value in a section wins, wherever it stands.
        Accepted{"infer310: {limit: 1}\nlimit: 2", Map{{"limit", "1"}}},
        Accepted{"limit: 2\ninfer310: {limit: 1}", Map{{"limit", "1"}}},
        Accepted{"self_test: off", Map{{"self_test", "false"}}},
        Accepted{"self_test: 'n'\njson: Y",
                 Map{{"self_test", "false"}, {"json", "true"}}},
        // The option decides what a text is.
        Accepted{"limit: '4'\nthreads: +3\ndevice_id: 010",
                 Map{{"limit", "4"}, {"threads", "3"}, {"device_id", "10"}}},
        Accepted{"mindir_path: yes\naipp_path: 2024-01-01\ndataset_path: 1.5",
                 Map{{"mindir_path", "yes"},
                     {"aipp_path", "2024-01-01"},
                     {"dataset_path", "1.5"}}},
        Accepted{"infer310: {self_test: TRUE, json: No}",
                 Map{{"self_test", "true"}, {"json", "false"}}},
        // Keys of other programs are ignored.
        Accepted{"train: {batch_size: 64, lr: 0.1}\nlr: 0.1", {}},
        Accepted{"postprocess: {result_path: x}", {}},
        Accepted{"limit: 0x10", Map{{"limit", "16"}}},
        Accepted{"mindir_path: '5'", Map{{"mindir_path", "5"}}},
        Accepted{"mindir_path: ''", Map{{"mindir_path", ""}}}));

struct Refused {
  const char* yaml;
  const char* message;
};

class RefusedTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTest, NamesTheFileAndWhatIsWrong) {
  const TempFolder folder;
  EXPECT_THAT(ReadConfigFile(folder.Write("a.yaml", GetParam().yaml)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(folder.path() + "/a.yaml"),
                             HasSubstr(GetParam().message))))
      << GetParam().yaml;
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedTest,
    testing::Values(
        Refused{"a: [", "is not YAML"},
        Refused{"\t- :", "indent with spaces, not tabs"},
        Refused{"hello", "expected lines `key: value`, found 'hello'"},
        Refused{"- 1", "found a list"},
        Refused{", and\nlimit: 1", "line 1, column 1: unexpected character"},
        Refused{"---\n, and\nlimit: 1", "unexpected character"},
        Refused{"limit: 1\n---\n, and", "unexpected character"},
        Refused{"limit: 1\njson: no\nlimit: 2", "the key 'limit' occurs twice"},
        Refused{"infer310: {limit: 1, limit: 2}", "'limit' occurs twice"},
        Refused{"batchsize: 4",
                "unknown key 'batchsize'; did you mean 'batch_size'?"},
        Refused{"qqq: 4\ninfer310: {limit: 1}",
                "unknown key 'qqq'; expected one of aipp, "},
        Refused{"epochs: 5", "unknown key 'epochs'; did you mean 'epoch_size'"},
        Refused{"learning_rate: 0.1", "did you mean 'lr'?"},
        Refused{"infer310: {thread: 1}",
                "section infer310: unknown key 'thread'; did you mean "
                "'threads'?"},
        Refused{"infer301: {limit: 1}", "did you mean 'infer310'?"},
        Refused{"Q: {limit: 1}",
                "unknown section 'Q'; expected one of cloud, data, "},
        Refused{"device: {lr: 1}",
                "section device: unknown key 'lr'; expected one of device_id, "
                "device_target"},
        Refused{"limit: many",
                "limit must be an integer of at least 0, not 'many'"},
        Refused{"limit: 4.5", "not '4.5'"},
        Refused{"limit: true", "not 'true'"}, Refused{"limit: -1", "not '-1'"},
        Refused{"limit: 99999999999999999999", "limit must be"},
        Refused{"limit: [1]", "not a list"}, Refused{"limit:", "not null"},
        Refused{"infer310: {threads: 1025}", "at most 1024, not '1025'"},
        Refused{"json: 1", "json must be true or false, not '1'"},
        Refused{"json: t", "json must be true or false, not 't'"},
        Refused{"json:", "not null"}, Refused{"limit: on", "not 'on'"},
        Refused{"engine: gpu", "one of auto, native, lite, acl, not 'gpu'"},
        Refused{"image_height: 8", "at least 16"},
        Refused{"device_target: GPU",
                "one of auto, Ascend310, Ascend, CPU, not 'GPU'"}));

TEST(ParseConfigTest, CharactersThatYamlForbids) {
  EXPECT_THAT(ParseConfig("c", std::string("limit: 1\n#\0\n", 12)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "c is not YAML: it holds the character 0"));
  const std::string utf16("\xff\xfel\0i\0m\0i\0t\0:\0 \0001\0", 18);
  LENET_ASSERT_OK_AND_ASSIGN(const ConfigFile file, ParseConfig("c", utf16));
  EXPECT_THAT(file.values, UnorderedElementsAre(Pair("limit", "1")));
}

TEST(ParseConfigTest, LongScalars) {
  constexpr size_t kLong = 900'000;
  EXPECT_THAT(ParseConfig("c", "limit: " + std::string(kLong, '1')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("c: limit must be an integer")));
  const std::string path(kLong, 'a');
  LENET_ASSERT_OK_AND_ASSIGN(const ConfigFile file,
                             ParseConfig("c", "mindir_path: " + path));
  EXPECT_THAT(file.values, UnorderedElementsAre(Pair("mindir_path", path)));
}

TEST(ReadConfigFileTest, NamesAMissingFile) {
  EXPECT_THAT(
      ReadConfigFile("/no/such.yaml"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.yaml")));
}

}  // namespace
}  // namespace lenet
