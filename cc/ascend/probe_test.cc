#include "cc/ascend/probe.h"

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// e2e/devices_test.py tests the steps that call AscendCL.

namespace lenet::ascend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

using Result = ProbeStep::Result;

ProbeReport UsableExample() {
  ProbeReport report;
  report.device_id = 1;
  report.steps = {{"device nodes", Result::kOk, "/dev/davinci1"},
                  {"DVPP", Result::kWarning, "is not there"},
                  {"model", Result::kNotDone, ""}};
  report.acl_version = "1.4.0";
  report.soc_name = "Ascend310";
  report.run_mode = "host";
  report.device_count = 2;
  report.free_memory = 5;
  report.total_memory = 8'000'000'000;
  return report;
}

TEST(ProbeTest, ReportsAMissingCard) {
  const TempFolder folder;
  Locations locations;
  locations.device_folder = folder.path();
  locations.acl = "libno_such_acl.so";
  const ProbeReport report = Probe(3, "", locations);
  EXPECT_FALSE(Usable(report));
  EXPECT_EQ(report.failure, "no-device");
  EXPECT_THAT(report.reason, HasSubstr("davinci3"));
  EXPECT_THAT(report.hint, HasSubstr("--device_id"));
  ASSERT_FALSE(report.steps.empty());
  EXPECT_EQ(report.steps[0].result, Result::kFailed);
  EXPECT_EQ(report.steps[1].result, Result::kNotDone);
}

TEST(ProbeTest, ReportsAMissingOrWrongLibrary) {
  const TempFolder folder;
  for (const char* node : {"davinci0", "davinci_manager", "svm0"}) {
    folder.Write(node, "");
  }
  Locations locations;
  locations.device_folder = folder.path();
  locations.acl = "libno_such_acl.so";
  EXPECT_EQ(Probe(0, "", locations).failure, "no-library");
  locations.acl = "libc.so.6";
  const ProbeReport old = Probe(0, "", locations);
  EXPECT_EQ(old.failure, "no-library");
  EXPECT_THAT(old.reason, HasSubstr("aclInit"));
}

TEST(ProbeDeathTest, NamesACallThatDoesNotReturn) {
  for (const std::string call : {"aclInit", "aclrtSetDevice"}) {
    const auto work = [&call] {
      const TempFolder folder;
      const auto [text, exit_code] =
          GuardedProbe(0, "", SimulatorLocations(folder), &ProbeText,
                       std::chrono::seconds(5));
      EXPECT_EQ(exit_code, 3);
      EXPECT_THAT(text,
                  AllOf(HasSubstr("(no-answer): " + call + " did not return\n"),
                        HasSubstr("Remedy: ")));
      return absl::OkStatus();
    };
    LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_FAULTS", call + "=hang"}}),
                          work, "OK");
  }
}

TEST(ProbeTest, TextHasALinePerStepAndTheResult) {
  EXPECT_THAT(ProbeText(UsableExample()),
              AllOf(HasSubstr("device nodes    ok       /dev/davinci1\n"),
                    HasSubstr("DVPP            warning  is not there\n"),
                    HasSubstr("\nDevice 1 can be used.\n"),
                    Not(HasSubstr("simulator"))));
}

TEST(ProbeTest, ReportsASimulator) {
  ProbeReport report = UsableExample();
  report.soc_name = "Ascend310-simulator";
  EXPECT_THAT(ProbeText(report), HasSubstr("a simulator, not an Ascend"));
  EXPECT_THAT(ProbeJson(report), HasSubstr("\"simulator\": true"));
}

TEST(ProbeTest, TextNamesTheRemedy) {
  ProbeReport report = UsableExample();
  report.failure = "setup-failed";
  report.reason = "it did not start";
  report.hint = "reboot";
  EXPECT_THAT(ProbeText(report),
              HasSubstr("\nDevice 1 cannot be used (setup-failed): it did not "
                        "start\nRemedy: reboot\n"));
}

TEST(ProbeTest, JsonHasAllFieldsAndIsEscaped) {
  ProbeReport report = UsableExample();
  report.steps[0].detail = "\"\xff";
  EXPECT_EQ(ProbeJson(report), R"({
  "usable": true,
  "failure": "",
  "reason": "",
  "hint": "",
  "device_id": 1,
  "device_count": 2,
  "acl_version": "1.4.0",
  "soc_name": "Ascend310",
  "simulator": false,
  "run_mode": "host",
  "free_memory": 5,
  "total_memory": 8000000000,
  "steps": [
    {
      "name": "device nodes",
      "result": "ok",
      "detail": "\"�"
    },
    {
      "name": "DVPP",
      "result": "warning",
      "detail": "is not there"
    },
    {
      "name": "model",
      "result": "not done",
      "detail": ""
    }
  ]
}
)");
}

}  // namespace
}  // namespace lenet::ascend
