// Fault plan, lost device, latency, report and trace of the built
// libascendcl.so.

#include <chrono>
#include <string>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Environment Faults(const std::string& plan) {
  return {{"LENET_SIM_FAULTS", plan}};
}

aclError Malloc(const Functions& acl, void** pointer) {
  return acl.aclrtMalloc(pointer, 8, ACL_MEM_MALLOC_NORMAL_ONLY);
}

TEST(FaultsTest, TheNthCallFailsWithoutEffect) {
  ExpectClean(InChild(Faults("aclrtMalloc:2=207001"), [](const Functions& acl) {
    Begin(acl);
    void* first = nullptr;
    void* second = nullptr;
    void* third = nullptr;
    EXPECT_EQ(Malloc(acl, &first), ACL_SUCCESS);
    EXPECT_EQ(Malloc(acl, &second), ACL_ERROR_RT_MEMORY_ALLOCATION);
    EXPECT_EQ(second, nullptr);
    EXPECT_THAT(acl.aclGetRecentErrMsg(), HasSubstr("aclrtMalloc"));
    EXPECT_EQ(Malloc(acl, &third), ACL_SUCCESS);
    acl.aclrtFree(first);
    acl.aclrtFree(third);
    End(acl);
  }));
}

TEST(FaultsTest, EveryCallFails) {
  ExpectClean(InChild(Faults("aclrtMalloc:*=207001"), [](const Functions& acl) {
    Begin(acl);
    void* pointer = nullptr;
    EXPECT_EQ(Malloc(acl, &pointer), ACL_ERROR_RT_MEMORY_ALLOCATION);
    EXPECT_EQ(Malloc(acl, &pointer), ACL_ERROR_RT_MEMORY_ALLOCATION);
    End(acl);
  }));
}

TEST(FaultsTest, FunctionsThatReturnPointersReturnNull) {
  ExpectClean(
      InChild(Faults("aclmdlCreateDataset=500001"), [](const Functions& acl) {
        Begin(acl);
        EXPECT_EQ(acl.aclmdlCreateDataset(), nullptr);
        End(acl);
      }));
}

// Or else the failure itself would be the leak.
TEST(FaultsTest, AReleaseThatFailsHasReleased) {
  ExpectClean(
      InChild(Faults("aclrtFree:1=507899,aclrtDestroyStream:1=107003,"
                     "aclrtDestroyContext:1=107002,aclrtResetDevice:1=507007,"
                     "aclFinalize:1=500001"),
              [](const Functions& acl) {
                Begin(acl);
                aclrtContext context = nullptr;
                acl.aclrtCreateContext(&context, 0);
                aclrtStream stream = nullptr;
                acl.aclrtCreateStream(&stream);
                void* pointer = nullptr;
                Malloc(acl, &pointer);
                EXPECT_EQ(acl.aclrtFree(pointer), 507899);
                EXPECT_EQ(acl.aclrtDestroyStream(stream), 107003);
                EXPECT_EQ(acl.aclrtDestroyContext(context), 107002);
                EXPECT_EQ(acl.aclrtResetDevice(0), 507007);
                EXPECT_EQ(acl.aclFinalize(), 500001);
              }));
}

TEST(FaultsTest, FaultOfAsynchronousWorkComesAtTheSynchronisation) {
  ExpectClean(InChild(
      Faults("aclrtMemcpyAsync:2@sync=507013"), [](const Functions& acl) {
        Begin(acl);
        char to[8] = {};
        for (const char* from : {"1111111", "2222222", "3333333"}) {
          EXPECT_EQ(acl.aclrtMemcpyAsync(to, 8, from, 8,
                                         ACL_MEMCPY_HOST_TO_HOST, nullptr),
                    ACL_SUCCESS);
        }
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_ERROR_RT_SYS_DMA);
        EXPECT_STREQ(to, "1111111");
        End(acl);
      }));
}

TEST(FaultsTest, FailedSynchronisationDropsTheWork) {
  ExpectClean(InChild(
      Faults("aclrtSynchronizeStream:1=500003"), [](const Functions& acl) {
        Begin(acl);
        char to[8] = {};
        acl.aclrtMemcpyAsync(to, 8, "1111111", 8, ACL_MEMCPY_HOST_TO_HOST,
                             nullptr);
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_ERROR_RT_FAILURE);
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_SUCCESS);
        EXPECT_STREQ(to, "");
        End(acl);
      }));
}

TEST(FaultsTest, NothingButTeardownAfterAFailureOfTheDevice) {
  const auto body = [](bool more) {
    return [more](const Functions& acl) {
      Begin(acl);
      void* pointer = nullptr;
      Malloc(acl, &pointer);
      char host[8] = {};
      EXPECT_EQ(acl.aclrtMemcpy(pointer, 8, host, 8, ACL_MEMCPY_HOST_TO_DEVICE),
                ACL_ERROR_RT_SYS_DMA);
      if (more) {
        EXPECT_EQ(
            acl.aclrtMemcpy(pointer, 8, host, 8, ACL_MEMCPY_HOST_TO_DEVICE),
            ACL_SUCCESS);
      }
      EXPECT_EQ(acl.aclrtFree(pointer), ACL_SUCCESS);
      End(acl);
    };
  };
  const Environment plan = Faults("aclrtMemcpy:1=507013");
  ExpectClean(InChild(plan, body(false)));
  ExpectComplaint(InChild(plan, body(true)),
                  "aclrtMemcpy: order: the device is used although");
}

TEST(FaultsTest, LostDeviceLeavesOnlyTheTeardown) {
  ExpectClean(InChild(Faults("lost:4"), [](const Functions& acl) {
    Begin(acl);
    aclrtStream stream = nullptr;
    EXPECT_EQ(acl.aclrtCreateStream(&stream), ACL_SUCCESS);
    void* pointer = nullptr;
    EXPECT_EQ(Malloc(acl, &pointer), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtMemset(pointer, 8, 0, 8), ACL_ERROR_RT_LOST_HEARTBEAT);
    EXPECT_EQ(acl.aclrtFree(pointer), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, 1000),
              ACL_ERROR_RT_LOST_HEARTBEAT);
    EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
    End(acl);
  }));
}

TEST(FaultsTest, WorkOfALostDeviceMayBeForgotten) {
  ExpectClean(InChild(Faults("lost:4"), [](const Functions& acl) {
    Begin(acl);
    aclrtStream stream = nullptr;
    acl.aclrtCreateStream(&stream);
    char to[8] = {};
    EXPECT_EQ(acl.aclrtMemcpyAsync(to, 8, "1111111", 8, ACL_MEMCPY_HOST_TO_HOST,
                                   stream),
              ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
    End(acl);
    EXPECT_STREQ(to, "");
  }));
}

TEST(FaultsTest, LatencyOfACall) {
  const auto start = std::chrono::steady_clock::now();
  ExpectClean(InChild({{"LENET_SIM_LATENCY", "aclInit:1=30ms"}},
                      [](const Functions& acl) {
                        Begin(acl);
                        End(acl);
                      }));
  EXPECT_GE(std::chrono::steady_clock::now() - start,
            std::chrono::milliseconds(30));
}

TEST(FaultsTest, DeviceThatHangs) {
  ExpectClean(
      InChild({{"LENET_SIM_LATENCY", "aclrtMemcpyAsync:1=1h"}},
              [](const Functions& acl) {
                Begin(acl);
                aclrtStream stream = nullptr;
                acl.aclrtCreateStream(&stream);
                char to[8] = {};
                EXPECT_EQ(acl.aclrtMemcpyAsync(to, 8, "1111111", 8,
                                               ACL_MEMCPY_HOST_TO_HOST, stream),
                          ACL_SUCCESS);
                EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, 1),
                          ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
                EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, -2),
                          ACL_ERROR_RT_PARAM_INVALID);
                EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
                End(acl);
              }));
}

TEST(FaultsTest, ReportAndTrace) {
  const TempFolder folder;
  const std::string report = folder.path() + "/report.json";
  const std::string trace = folder.path() + "/trace.txt";
  ExpectComplaint(InChild({{"LENET_SIM_REPORT", report},
                           {"LENET_SIM_TRACE", trace},
                           {"LENET_SIM_FAULTS", "aclrtMemset:1=507013"}},
                          [](const Functions& acl) {
                            Begin(acl);
                            void* pointer = nullptr;
                            Malloc(acl, &pointer);
                            acl.aclrtMemset(pointer, 8, 0, 8);
                            acl.aclrtFreeHost(pointer);
                            End(acl);
                          }),
                  "leak: 8 bytes of device memory");
  EXPECT_THAT(
      ReadTestFile(report),
      AllOf(HasSubstr("\"total_calls\": 7"), HasSubstr("\"aclrtMalloc\": 1"),
            HasSubstr("\"#4 aclrtMemset:1=507013\""),
            HasSubstr("{\"kind\": \"device memory\", \"call\": 3, "
                      "\"function\": \"aclrtMalloc\", \"bytes\": 8}"),
            HasSubstr("\"ownership_violations\": [{\"call\": 5, "
                      "\"function\": \"aclrtFreeHost\""),
            HasSubstr("\"peak_bytes\": {\"device\": 8, \"host\": 0, "
                      "\"dvpp\": 0}"),
            HasSubstr("\"ok\": false")));
  EXPECT_EQ(ReadTestFile(trace),
            "#1 aclInit -> 0\n#2 aclrtSetDevice -> 0\n#3 aclrtMalloc -> 0\n"
            "#4 aclrtMemset -> 507013\n#5 aclrtFreeHost -> 107000\n"
            "#6 aclrtResetDevice -> 0\n#7 aclFinalize -> 0\n");
}

TEST(FaultsTest, ComplaintsAreCutShort) {
  const Outcome outcome = InChild({}, [](const Functions& acl) {
    Begin(acl);
    for (int i = 0; i < 30; ++i) acl.aclmdlCreateDataset();
  });
  // 30 datasets, the default context and the missing aclFinalize.
  ExpectComplaint(outcome, "  and 12 more\n");
  EXPECT_THAT(outcome.output, HasSubstr("call #21 aclmdlCreateDataset"));
  EXPECT_THAT(outcome.output, Not(HasSubstr("call #22 ")));
}

TEST(FaultsTest, ReportOfACleanRun) {
  const TempFolder folder;
  const std::string report = folder.path() + "/report.json";
  ExpectClean(InChild({{"LENET_SIM_REPORT", report}}, [](const Functions& acl) {
    Begin(acl);
    End(acl);
  }));
  EXPECT_THAT(
      ReadTestFile(report),
      AllOf(HasSubstr("\"live_objects\": []"),
            HasSubstr("\"order_violations\": []"),
            HasSubstr("\"ownership_violations\": []"),
            HasSubstr("\"finalized\": true"), HasSubstr("\"ok\": true")));
}

TEST(FaultsTest, ReportThatCannotBeWrittenIsNoSuccess) {
  ExpectComplaint(InChild({{"LENET_SIM_REPORT", "/nowhere/report.json"}},
                          [](const Functions& acl) {
                            Begin(acl);
                            End(acl);
                          }),
                  "/nowhere/report.json");
}

}  // namespace
}  // namespace lenet::ascend::sim
