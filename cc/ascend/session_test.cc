#include "cc/ascend/session.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/library.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// e2e/faults_test.py tests failures of each call.

namespace lenet::ascend {
namespace {

using testing::ElementsAre;
using testing::ExitedWithCode;

constexpr char kTrace[] = "LENET_SIM_TRACE";
constexpr char kFaults[] = "LENET_SIM_FAULTS";

using SharedLibrary = std::shared_ptr<const Library>;

std::function<absl::Status()> WithLibrary(
    std::function<absl::Status(SharedLibrary)> work) {
  return [work = std::move(work)]() -> absl::Status {
    LENET_ASSIGN_OR_RETURN(
        SharedLibrary library,
        Library::Open(SimulatorLibrary("sim/libascendcl.so")));
    return work(std::move(library));
  };
}

TEST(ProcessDeathTest, ReportsAFailedInitialisation) {
  LENET_EXPECT_IN_CHILD(
      (SimSettings{{kFaults, "aclInit:1=500000"}}),
      WithLibrary([](SharedLibrary library) {
        return Process::Start(std::move(library)).status();
      }),
      "UNAVAILABLE: aclInit failed: 500000 ACL_ERROR_INTERNAL_ERROR");
}

TEST(ProcessDeathTest, LeavesAscendClToAnEarlierOwner) {
  LENET_EXPECT_IN_CHILD(
      SimSettings{},
      WithLibrary([](const SharedLibrary& library) -> absl::Status {
        EXPECT_EQ(library->acl().aclInit(nullptr), ACL_SUCCESS);
        LENET_RETURN_IF_ERROR(Process::Start(library).status());
        // A second aclFinalize would return 100037.
        EXPECT_EQ(library->acl().aclFinalize(), ACL_SUCCESS);
        return absl::OkStatus();
      }),
      "OK");
}

absl::Status DoNothing(Session*) { return absl::OkStatus(); }

absl::Status SynchronizeBoth(Session* session) {
  LENET_RETURN_IF_ERROR(session->Synchronize(session->execute_stream()));
  return session->Synchronize(session->transfer_stream());
}

TEST(SessionDeathTest, OpensAndClosesInTheDocumentedOrder) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  LENET_EXPECT_IN_SESSION((SimSettings{{kTrace, trace}}), DoNothing, "OK");
  EXPECT_THAT(
      TracedCalls(trace),
      ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                  "aclrtCreateContext", "aclrtCreateStream",
                  "aclrtCreateStream", "aclrtGetRunMode",
                  "aclrtSynchronizeStreamWithTimeout",
                  "aclrtSynchronizeStreamWithTimeout", "aclrtDestroyStream",
                  "aclrtDestroyStream", "aclrtDestroyContext",
                  "aclrtResetDevice", "aclFinalize"));
}

TEST(SessionDeathTest, DescribesTheDevice) {
  const SessionWork work = [](Session* session) {
    EXPECT_EQ(session->soc_name(), "Ascend310-simulator");
    EXPECT_EQ(session->device_id(), 1);
    EXPECT_EQ(session->run_mode(), ACL_DEVICE);
    EXPECT_NE(session->execute_stream(), session->transfer_stream());
    return SynchronizeBoth(session);
  };
  const SimSettings settings = {{"LENET_SIM_DEVICES", "2"},
                                {"LENET_SIM_RUN_MODE", "device"}};
  EXPECT_EXIT(WorkInSessionAndExit(settings, work, 1), ExitedWithCode(0),
              "result: OK");
}

TEST(SessionDeathTest, RefusesMissingDevices) {
  const auto open = [](const char* devices, int device_id) {
    WorkInSessionAndExit({{"LENET_SIM_DEVICES", devices}}, DoNothing,
                         device_id);
  };
  EXPECT_EXIT(open("2", 2), ExitedWithCode(0),
              "result: UNAVAILABLE: no device 2: AscendCL finds 2 devices, "
              "numbered from 0; .*--device_id");
  EXPECT_EXIT(open("1", -1), ExitedWithCode(0),
              "result: UNAVAILABLE: no device -1: AscendCL finds 1 device, "
              "number 0; ");
  EXPECT_EXIT(open("0", 0), ExitedWithCode(0),
              "result: UNAVAILABLE: .*no NPU can be used: see npu-smi");
}

// Synchronises twice and prints the results.
absl::Status PrintHealth(Session* session) {
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = session->Synchronize(session->execute_stream());
    std::fprintf(stderr, "%s, %s\n", status.ToString().c_str(),
                 session->healthy() ? "healthy" : "failed");
  }
  return absl::OkStatus();
}

TEST(SessionDeathTest, AfterADeviceFailureOnlyTearsDown) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  // Failures of the teardown are not printed.
  const SimSettings settings = {{kFaults, "lost:7,aclFinalize:1=507010"},
                                {kTrace, trace}};
  EXPECT_EXIT(WorkInSessionAndExit(settings, PrintHealth), ExitedWithCode(0),
              "^ABORTED: aclrtSynchronizeStreamWithTimeout failed: 507010 "
              "ACL_ERROR_RT_LOST_HEARTBEAT.*, failed\n"
              "ABORTED: device 0 failed earlier, failed\n"
              "result: OK\n$");
  const std::vector<std::string> calls = TracedCalls(trace);
  EXPECT_EQ(calls.size(), 15u);
  EXPECT_EQ(calls.back(), "aclFinalize");
}

TEST(SessionDeathTest, OnlySomeErrorsMeanADeviceFailure) {
  const auto run = [](const char* code) {
    const std::string call = "aclrtSynchronizeStreamWithTimeout:1=";
    WorkInSessionAndExit({{kFaults, call + code}}, PrintHealth);
  };
  EXPECT_EXIT(
      run("507046"), ExitedWithCode(0),
      "ABORTED: .* 507046 ACL_ERROR_RT_STREAM_SYNC_TIMEOUT.*may hang.*failed");
  EXPECT_EXIT(run("107003"), ExitedWithCode(0),
              "INTERNAL: .* 107003 ACL_ERROR_RT_STREAM_CONTEXT.*, healthy\nOK, "
              "healthy\nresult: OK");
  const SessionWork other_chip = [](Session* session) {
    EXPECT_THAT(session->Check(507008, "aclmdlLoadFromFile", Stage::kModel),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::_));
    EXPECT_TRUE(session->healthy());
    return SynchronizeBoth(session);
  };
  LENET_EXPECT_IN_SESSION(SimSettings{}, other_chip, "OK");
}

TEST(SessionDeathTest, WorksWithAnOldLibrary) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  const SessionWork work = [](Session* session) {
    EXPECT_EQ(session->acl().aclrtSynchronizeStreamWithTimeout, nullptr);
    EXPECT_EQ(session->soc_name(), "");
    return SynchronizeBoth(session);
  };
  EXPECT_EXIT(WorkInSessionAndExit({{kTrace, trace}}, work, 0, kOldLibrary),
              ExitedWithCode(0), "^result: OK\n$");
  EXPECT_THAT(
      TracedCalls(trace),
      ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                  "aclrtCreateContext", "aclrtCreateStream",
                  "aclrtCreateStream", "aclrtGetRunMode",
                  "aclrtSynchronizeStream", "aclrtSynchronizeStream",
                  "aclrtSynchronizeStream", "aclrtSynchronizeStream",
                  "aclrtDestroyStream", "aclrtDestroyStream",
                  "aclrtDestroyContext", "aclrtResetDevice", "aclFinalize"));
}

TEST(SessionDeathTest, DoesNotWaitForAFailedDeviceWithoutTimeout) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  const SimSettings settings = {{kFaults, "lost:7"}, {kTrace, trace}};
  EXPECT_EXIT(WorkInSessionAndExit(settings, PrintHealth, 0, kOldLibrary),
              ExitedWithCode(0),
              "^ABORTED: aclrtSynchronizeStream failed: 507010 "
              "ACL_ERROR_RT_LOST_HEARTBEAT; .*, failed\n"
              "ABORTED: device 0 failed earlier, failed\n"
              "result: OK\n$");
  EXPECT_THAT(TracedCalls(trace),
              ElementsAre("aclInit", "aclrtGetDeviceCount", "aclrtSetDevice",
                          "aclrtCreateContext", "aclrtCreateStream",
                          "aclrtCreateStream", "aclrtGetRunMode",
                          "aclrtSynchronizeStream", "aclrtDestroyStream",
                          "aclrtDestroyStream", "aclrtDestroyContext",
                          "aclrtResetDevice", "aclFinalize"));
}

// Starts a copy on the transfer stream, lets the execute stream fail,
// optionally drains the session, and frees the memory of the copy.
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

TEST(SessionDeathTest, MemoryCanBeFreedAfterDrain) {
  const auto run = [](bool drain) {
    WorkInSessionAndExit(
        {{kFaults, "aclrtSynchronizeStreamWithTimeout:1=507015"}},
        [drain](Session* session) { return FreeAfterFailure(session, drain); });
  };
  EXPECT_EXIT(run(true), ExitedWithCode(0),
              "^result: ABORTED: .* 507015 .*\n$");
  // Without Drain the simulator reports the pending copy.
  EXPECT_EXIT(run(false), ExitedWithCode(66), "result: ABORTED");
}

}  // namespace
}  // namespace lenet::ascend
