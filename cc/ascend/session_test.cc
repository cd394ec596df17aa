// Runs on the simulator. Each case needs a process of its own: AscendCL is
// initialised once, and the simulator takes its settings then. It ends the
// process with status 66 if anything was left over or done out of order.

#include "cc/ascend/session.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/ascend/library.h"
#include "cc/ascend/process.h"
#include "cc/base/status_macros.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using testing::ElementsAre;
using testing::ExitedWithCode;

using Work = std::function<absl::Status(Session*)>;
using Settings = std::map<std::string, std::string>;  // of the environment

constexpr char kSimulator[] = "lenet_mindspore/cc/ascend/sim/libascendcl.so";
// The simulator without the functions that acl_functions.inc calls optional, as
// the libraries of 2020 and 2021 are.
constexpr char kOldLibrary[] = "lenet_mindspore/cc/ascend/old/libascendcl.so";

absl::Status Run(const char* name, int device_id, const Work& work) {
  LENET_ASSIGN_OR_RETURN(auto library, Library::Open(TestData(name)));
  LENET_ASSIGN_OR_RETURN(auto process, Process::Start(std::move(library)));
  LENET_ASSIGN_OR_RETURN(auto session,
                         Session::Open(std::move(process), device_id));
  return work(session.get());
}

// In the child: opens a session, works with it, closes it, and says how it
// went.
void Child(const Settings& settings, int device_id, const Work& work,
           const char* library = kSimulator) {
  for (const auto& [name, value] : settings) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  const absl::Status status = Run(library, device_id, work);
  std::fprintf(stderr, "verdict: %s\n", status.ToString().c_str());
  std::exit(0);
}

absl::Status Nothing(Session*) { return absl::OkStatus(); }

absl::Status SynchronizeBoth(Session* session) {
  LENET_RETURN_IF_ERROR(session->Synchronize(session->execute_stream()));
  return session->Synchronize(session->transfer_stream());
}

// The functions called, in order, as the simulator wrote them down; without
// those that only ask for the text of an error.
std::vector<std::string> Calls(const std::string& trace) {
  std::vector<std::string> calls;
  const std::string text = ReadTestFile(trace);
  const std::regex name("\\bacl[A-Za-z0-9]+");
  for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end;
       ++i) {
    if (i->str() != "aclGetRecentErrMsg") calls.push_back(i->str());
  }
  return calls;
}

TEST(SessionDeathTest, OpensAndClosesInTheDocumentedOrder) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  EXPECT_EXIT(Child({{"LENET_SIM_TRACE", trace}}, 0, Nothing),
              ExitedWithCode(0), "verdict: OK");
  EXPECT_THAT(
      Calls(trace),
      ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                  "aclrtCreateContext", "aclrtCreateStream",
                  "aclrtCreateStream", "aclrtGetRunMode",
                  "aclrtSynchronizeStreamWithTimeout",
                  "aclrtSynchronizeStreamWithTimeout", "aclrtDestroyStream",
                  "aclrtDestroyStream", "aclrtDestroyContext",
                  "aclrtResetDevice", "aclFinalize"));
}

TEST(SessionDeathTest, TellsWhatItRunsOn) {
  const Work work = [](Session* session) {
    std::fprintf(
        stderr, "%s, version %s, device %d, %s, %d streams\n",
        session->soc_name().c_str(), session->version().c_str(),
        session->device_id(),
        session->run_mode() == ACL_DEVICE ? "device" : "host",
        session->execute_stream() != session->transfer_stream() ? 2 : 1);
    return SynchronizeBoth(session);
  };
  EXPECT_EXIT(
      Child({{"LENET_SIM_DEVICES", "2"}, {"LENET_SIM_RUN_MODE", "device"}}, 1,
            work),
      ExitedWithCode(0),
      "Ascend310-simulator, version [0-9]+\\.[0-9]+\\.[0-9]+, device 1, "
      "device, 2 streams\nverdict: OK");
  EXPECT_EXIT(Child({{"LENET_SIM_RUN_MODE", "host"}}, 0, work),
              ExitedWithCode(0), "device 0, host, 2 streams\nverdict: OK");
}

TEST(SessionDeathTest, RefusesADeviceThatIsNotThere) {
  const Settings two = {{"LENET_SIM_DEVICES", "2"}};
  EXPECT_EXIT(Child(two, 2, Nothing), ExitedWithCode(0),
              "verdict: UNAVAILABLE: no device 2: AscendCL finds 2 devices, "
              "numbered from 0; .*--device_id");
  EXPECT_EXIT(Child({}, -1, Nothing), ExitedWithCode(0),
              "verdict: UNAVAILABLE: no device -1: AscendCL finds 1 device, "
              "number 0; ");
}

TEST(SessionDeathTest, RefusesAComputerWithoutDevices) {
  // The simulator may answer with count 0 or, as newer libraries do, 207004.
  EXPECT_EXIT(Child({{"LENET_SIM_DEVICES", "0"}}, 0, Nothing),
              ExitedWithCode(0),
              "verdict: UNAVAILABLE: .*no NPU can be used: see npu-smi");
}

// Every call of the way up fails: the answer is Unavailable, and what was made
// before is undone, which the simulator sees to.
struct Fault {
  const char* call;  // as in LENET_SIM_FAULTS
  int code;
};

class SetupFaultTest : public testing::TestWithParam<Fault> {};

TEST_P(SetupFaultTest, IsUndone) {
  const auto& [call, code] = GetParam();
  const std::string function =
      std::string(call).substr(0, std::string(call).find(':'));
  EXPECT_EXIT(Child({{"LENET_SIM_FAULTS", absl::StrCat(call, "=", code)}}, 0,
                    [](Session*) {
                      return absl::InternalError("the session was opened");
                    }),
              ExitedWithCode(0),
              absl::StrCat("^verdict: UNAVAILABLE: ", function,
                           " failed: ", code, " ACL_ERROR_"));
}

INSTANTIATE_TEST_SUITE_P(Calls, SetupFaultTest,
                         testing::Values(Fault{"aclInit:1", 500000},
                                         Fault{"aclrtGetDeviceCount:1", 207004},
                                         Fault{"aclrtSetDevice:1", 507033},
                                         Fault{"aclrtSetDevice:1", 207006},
                                         Fault{"aclrtCreateContext:1", 507000},
                                         Fault{"aclrtCreateContext:1", 207001},
                                         Fault{"aclrtCreateStream:1", 207008},
                                         Fault{"aclrtCreateStream:2", 207008},
                                         Fault{"aclrtGetRunMode:1", 500003}));

class TeardownFaultTest : public testing::TestWithParam<const char*> {};

// Every call of the way down fails: it is said, and the rest is done.
TEST_P(TeardownFaultTest, IsSaidAndTheRestIsDone) {
  const TempFolder folder;
  const std::string call = GetParam();
  const std::string function = call.substr(0, call.find(':'));
  const std::string trace = folder.path() + "/trace";
  EXPECT_EXIT(
      Child(
          {{"LENET_SIM_FAULTS", call + "=500003"}, {"LENET_SIM_TRACE", trace}},
          0, Nothing),
      ExitedWithCode(0),
      absl::StrCat("while ending: ", function,
                   " failed: 500003 ACL_ERROR_RT_FAILURE(.|\n)*verdict: OK"));
  const std::vector<std::string> calls = Calls(trace);
  ASSERT_EQ(calls.size(), 14u) << ReadTestFile(trace);
  EXPECT_EQ(calls.back(), "aclFinalize");
}

INSTANTIATE_TEST_SUITE_P(Calls, TeardownFaultTest,
                         testing::Values("aclrtSynchronizeStreamWithTimeout:1",
                                         "aclrtSynchronizeStreamWithTimeout:2",
                                         "aclrtDestroyStream:1",
                                         "aclrtDestroyStream:2",
                                         "aclrtDestroyContext:1",
                                         "aclrtResetDevice:1",
                                         "aclFinalize:1"));

// Says what each step of work gives, and works on regardless.
absl::Status WorkOn(Session* session) {
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = session->Synchronize(session->execute_stream());
    std::fprintf(stderr, "%s, %s\n", status.ToString().c_str(),
                 session->healthy() ? "healthy" : "failed");
  }
  return absl::OkStatus();
}

TEST(SessionDeathTest, ADeviceThatFailedIsOnlyTornDown) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  // Exactly these lines: what fails in the teardown is not said.
  EXPECT_EXIT(Child({{"LENET_SIM_FAULTS", "lost:7,aclFinalize:1=507010"},
                     {"LENET_SIM_TRACE", trace}},
                    0, WorkOn),
              ExitedWithCode(0),
              "^ABORTED: aclrtSynchronizeStreamWithTimeout failed: 507010 "
              "ACL_ERROR_RT_LOST_HEARTBEAT.*, failed\n"
              "ABORTED: device 0 has failed before, failed\n"
              "verdict: OK\n$");
  EXPECT_THAT(
      Calls(trace),
      ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                  "aclrtCreateContext", "aclrtCreateStream",
                  "aclrtCreateStream", "aclrtGetRunMode",
                  "aclrtSynchronizeStreamWithTimeout",
                  "aclrtSynchronizeStreamWithTimeout",
                  "aclrtSynchronizeStreamWithTimeout", "aclrtDestroyStream",
                  "aclrtDestroyStream", "aclrtDestroyContext",
                  "aclrtResetDevice", "aclFinalize"));
}

TEST(SessionDeathTest, ADeviceThatHangsHasFailed) {
  EXPECT_EXIT(
      Child(
          {{"LENET_SIM_FAULTS", "aclrtSynchronizeStreamWithTimeout:1=507046"}},
          0, WorkOn),
      ExitedWithCode(0),
      "ABORTED: .* 507046 ACL_ERROR_RT_STREAM_SYNC_TIMEOUT.*may hang.*failed");
}

TEST(SessionDeathTest, OtherErrorsLeaveTheDeviceHealthy) {
  EXPECT_EXIT(Child({{"LENET_SIM_FAULTS",
                      "aclrtSynchronizeStreamWithTimeout:1=107003"}},
                    0, WorkOn),
              ExitedWithCode(0),
              "INTERNAL: .* 107003 ACL_ERROR_RT_STREAM_CONTEXT.*, healthy\nOK, "
              "healthy\nverdict: OK");
}

TEST(SessionDeathTest, AModelForAnotherChipLeavesTheDeviceHealthy) {
  const Work work = [](Session* session) {
    const absl::Status status =
        session->Check(507008, "aclmdlLoadFromFile", Stage::kModel);
    std::fprintf(stderr, "%s, %s\n", status.ToString().c_str(),
                 session->healthy() ? "healthy" : "failed");
    return SynchronizeBoth(session);
  };
  EXPECT_EXIT(Child({}, 0, work), ExitedWithCode(0),
              "INVALID_ARGUMENT: aclmdlLoadFromFile failed: 507008 .*, "
              "healthy\nverdict: OK");
}

TEST(SessionDeathTest, AnOldLibraryWillDo) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  const Work work = [](Session* session) {
    EXPECT_EQ(session->acl().aclrtSynchronizeStreamWithTimeout, nullptr);
    std::fprintf(stderr, "soc '%s'\n", session->soc_name().c_str());
    return SynchronizeBoth(session);
  };
  EXPECT_EXIT(Child({{"LENET_SIM_TRACE", trace}}, 0, work, kOldLibrary),
              ExitedWithCode(0), "^soc ''\nverdict: OK\n$");
  EXPECT_THAT(
      Calls(trace),
      ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                  "aclrtCreateContext", "aclrtCreateStream",
                  "aclrtCreateStream", "aclrtGetRunMode",
                  "aclrtSynchronizeStream", "aclrtSynchronizeStream",
                  "aclrtSynchronizeStream", "aclrtSynchronizeStream",
                  "aclrtDestroyStream", "aclrtDestroyStream",
                  "aclrtDestroyContext", "aclrtResetDevice", "aclFinalize"));
}

TEST(SessionDeathTest, AnOldLibraryIsNotAskedToWaitForADeviceThatFailed) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  EXPECT_EXIT(
      Child({{"LENET_SIM_FAULTS", "lost:7"}, {"LENET_SIM_TRACE", trace}}, 0,
            WorkOn, kOldLibrary),
      ExitedWithCode(0),
      "^ABORTED: aclrtSynchronizeStream failed: 507010 "
      "ACL_ERROR_RT_LOST_HEARTBEAT; .*, failed\n"
      "ABORTED: device 0 has failed before, failed\n"
      "verdict: OK\n$");
  EXPECT_THAT(Calls(trace),
              ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                          "aclrtCreateContext", "aclrtCreateStream",
                          "aclrtCreateStream", "aclrtGetRunMode",
                          "aclrtSynchronizeStream", "aclrtDestroyStream",
                          "aclrtDestroyStream", "aclrtDestroyContext",
                          "aclrtResetDevice", "aclFinalize"));
}

// Leaves a copy on the transfer stream, lets the execute stream fail, and frees
// the copy's memory, having drained the session if `drain`.
absl::Status FreeAfterFailure(Session* session, bool drain) {
  const Functions& acl = session->acl();
  void* host = nullptr;
  void* device = nullptr;
  LENET_RETURN_IF_ERROR(
      session->Check(acl.aclrtMallocHost(&host, 64), "aclrtMallocHost"));
  LENET_RETURN_IF_ERROR(session->Check(
      acl.aclrtMalloc(&device, 64, ACL_MEM_MALLOC_NORMAL_ONLY), "aclrtMalloc"));
  LENET_RETURN_IF_ERROR(session->Check(
      acl.aclrtMemcpyAsync(device, 64, host, 64, ACL_MEMCPY_HOST_TO_DEVICE,
                           session->transfer_stream()),
      "aclrtMemcpyAsync"));
  const absl::Status status = session->Synchronize(session->execute_stream());
  if (drain) session->Drain();
  session->CheckTeardown(acl.aclrtFree(device), "aclrtFree");
  session->CheckTeardown(acl.aclrtFreeHost(host), "aclrtFreeHost");
  return status;
}

TEST(SessionDeathTest, DrainedStreamsLeaveMemoryAlone) {
  const Settings faults = {
      {"LENET_SIM_FAULTS", "aclrtSynchronizeStreamWithTimeout:1=507015"}};
  EXPECT_EXIT(
      Child(faults, 0, [](Session* s) { return FreeAfterFailure(s, true); }),
      ExitedWithCode(0), "^verdict: ABORTED: .* 507015 .*\n$");
  // What the test is worth: the simulator notices the copy that was not waited
  // for.
  EXPECT_EXIT(
      Child(faults, 0, [](Session* s) { return FreeAfterFailure(s, false); }),
      ExitedWithCode(66), "verdict: ABORTED");
}

}  // namespace
}  // namespace lenet::ascend
