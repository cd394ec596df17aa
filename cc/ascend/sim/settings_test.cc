#include "cc/ascend/sim/settings.h"

#include <map>
#include <string>

#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

absl::StatusOr<Settings> Read(const std::map<std::string, std::string>& set) {
  return ReadSettings([&set](const char* name) -> const char* {
    const auto it = set.find(name);
    return it == set.end() ? nullptr : it->second.c_str();
  });
}

TEST(SettingsTest, WithoutVariablesAnAscend310InHostMode) {
  LENET_ASSERT_OK_AND_ASSIGN(const Settings settings, Read({}));
  EXPECT_EQ(settings.devices, 1);
  EXPECT_EQ(settings.run_mode, ACL_HOST);
  EXPECT_EQ(settings.profile, Profile::kLegacy);
  EXPECT_EQ(settings.soc, "Ascend310");
  EXPECT_EQ(settings.memory, size_t{1} << 30);
  EXPECT_THAT(settings.faults, SizeIs(0));
  EXPECT_FALSE(settings.lost_after.has_value());
}

TEST(SettingsTest, ReadsAll) {
  LENET_ASSERT_OK_AND_ASSIGN(const Settings settings,
                             Read({{"LENET_SIM_DEVICES", "0"},
                                   {"LENET_SIM_RUN_MODE", "device"},
                                   {"LENET_SIM_PROFILE", "modern"},
                                   {"LENET_SIM_SOC", "Ascend310P3"},
                                   {"LENET_SIM_MEMORY", "65536"},
                                   {"LENET_SIM_REPORT", "r.json"},
                                   {"LENET_SIM_TRACE", "t-%p"}}));
  EXPECT_EQ(settings.devices, 0);
  EXPECT_EQ(settings.run_mode, ACL_DEVICE);
  EXPECT_EQ(settings.profile, Profile::kModern);
  EXPECT_EQ(settings.soc, "Ascend310P3");
  EXPECT_EQ(settings.memory, size_t{65536});
  EXPECT_EQ(settings.report, "r.json");
  EXPECT_EQ(settings.trace, "t-%p");
}

TEST(SettingsTest, ReadsFaults) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const Settings settings,
      Read({{"LENET_SIM_FAULTS",
             "aclrtMemcpy:3=507013,aclrtMalloc:*=207001,"
             "aclmdlExecuteAsync:2@sync=507015,lost:17"}}));
  ASSERT_THAT(settings.faults, SizeIs(3));
  EXPECT_EQ(settings.faults[0].function, Function::aclrtMemcpy);
  EXPECT_EQ(settings.faults[0].nth, uint64_t{3});
  EXPECT_EQ(settings.faults[0].code, 507013);
  EXPECT_FALSE(settings.faults[0].at_sync);
  EXPECT_EQ(settings.faults[1].nth, uint64_t{0});
  EXPECT_EQ(settings.faults[2].function, Function::aclmdlExecuteAsync);
  EXPECT_TRUE(settings.faults[2].at_sync);
  EXPECT_EQ(settings.lost_after, uint64_t{17});
}

TEST(SettingsTest, ReadsLatencies) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const Settings settings,
      Read(
          {{"LENET_SIM_LATENCY",
            "aclmdlExecute=5ms,aclrtMemcpy:2=1h,aclInit=7us,aclFinalize=2s"}}));
  ASSERT_THAT(settings.latencies, SizeIs(4));
  EXPECT_EQ(settings.latencies[0].duration, std::chrono::milliseconds(5));
  EXPECT_EQ(settings.latencies[0].nth, uint64_t{0});
  EXPECT_EQ(settings.latencies[1].duration, std::chrono::hours(1));
  EXPECT_EQ(settings.latencies[1].nth, uint64_t{2});
  EXPECT_EQ(settings.latencies[2].duration, std::chrono::microseconds(7));
  EXPECT_EQ(settings.latencies[3].duration, std::chrono::seconds(2));
}

TEST(SettingsTest, RefusesWhatItDoesNotUnderstand) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"LENET_SIM_DEVICES", "-1"},
      {"LENET_SIM_DEVICES", "17"},
      {"LENET_SIM_DEVICES", "one"},
      {"LENET_SIM_RUN_MODE", "Host"},
      {"LENET_SIM_PROFILE", "new"},
      {"LENET_SIM_MEMORY", "1G"},
      {"LENET_SIM_FAULTS", "aclNothing:1=507013"},
      {"LENET_SIM_FAULTS", "aclrtMemcpy:0=507013"},
      {"LENET_SIM_FAULTS", "aclrtMemcpy:1"},
      {"LENET_SIM_FAULTS", "aclrtMemcpy:1=0"},
      {"LENET_SIM_FAULTS", "aclrtMemcpy:last=507013"},
      {"LENET_SIM_FAULTS", "aclrtMemcpy:1@sync=507013"},
      {"LENET_SIM_FAULTS", "lost:x"},
      {"LENET_SIM_LATENCY", "aclrtMemcpy=5"},
      {"LENET_SIM_LATENCY", "aclrtMemcpy=-5ms"},
      {"LENET_SIM_LATENCY", "nothing=5ms"},
  };
  for (const auto& [name, value] : kWrong) {
    EXPECT_THAT(Read({{name, value}}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(name), HasSubstr("expected"))))
        << value;
  }
}

}  // namespace
}  // namespace lenet::ascend::sim
