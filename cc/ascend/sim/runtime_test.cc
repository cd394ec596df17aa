// The built libascendcl.so, without models.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::HasSubstr;
using testing::Not;

const Environment kDeviceMode = {{"LENET_SIM_RUN_MODE", "device"}};

struct Case {
  const char* text;  // part of the message
  Body body;
  Environment environment = {};
};

void CheckSessions(const std::vector<Case>& cases) {
  for (const Case& test : cases) {
    ExpectViolation(test.text, InSession(test.environment, test.body));
  }
}

Environment Faults(const std::string& faults) {
  return {{"LENET_SIM_FAULTS", faults}};
}

aclError CopyIn(const Functions& acl, void* device, const char* host) {
  return acl.aclrtMemcpy(device, 8, host, 8, ACL_MEMCPY_HOST_TO_DEVICE);
}

aclError QueueIn(const Functions& acl, void* device, const char* host,
                 aclrtStream stream = nullptr) {
  return acl.aclrtMemcpyAsync(device, 8, host, 8, ACL_MEMCPY_HOST_TO_DEVICE,
                              stream);
}

std::string CopyOut(const Functions& acl, const void* device) {
  std::string host(8, ' ');
  EXPECT_EQ(acl.aclrtMemcpy(&host[0], 8, device, 8, ACL_MEMCPY_DEVICE_TO_HOST),
            0);
  return host;
}

aclrtStream CreateStream(const Functions& acl) {
  aclrtStream stream = nullptr;
  EXPECT_EQ(acl.aclrtCreateStream(&stream), 0);
  return stream;
}

TEST(SettingsTest, InvalidValuesEndTheProcess) {
  const std::pair<const char*, const char*> cases[] = {
      {"DEVICES", "many"},          {"DEVICES", "17"},
      {"RUN_MODE", "both"},         {"MEMORY", "-1"},
      {"SCHEDULE", "random"},       {"TRACE", "/nowhere/trace"},
      {"FAULTS", "aclInit"},        {"FAULTS", "aclInit=0"},
      {"FAULTS", "aclinit=1"},      {"FAULTS", "aclInit:0=1"},
      {"FAULTS", "aclInit@sync=1"}, {"FAULTS", "lost:soon"},
  };
  for (const auto& [name, value] : cases) {
    ExpectViolation(value, Child{{{std::string("LENET_SIM_") + name, value}},
                                 [](auto& acl) { acl.aclInit(nullptr); }});
  }
}

TEST(ProcessTest, InitialisesOnce) {
  ExpectClean(
      Child{{}, [](auto& acl) {
              EXPECT_EQ(acl.aclrtGetSocName(), nullptr);
              EXPECT_EQ(acl.aclInit(nullptr), 0);
              EXPECT_STREQ(acl.aclrtGetSocName(), "Ascend310-simulator");
              EXPECT_EQ(acl.aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
              EXPECT_EQ(acl.aclFinalize(), 0);
              EXPECT_EQ(acl.aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
            }});
}

TEST(ProcessTest, Violations) {
  const Case cases[] = {
      {"aclFinalize: called before aclInit",
       [](auto& acl) { EXPECT_EQ(acl.aclFinalize(), ACL_ERROR_UNINITIALIZE); }},
      {"call #3 aclFinalize: called before",
       [](auto& acl) {
         acl.aclInit(nullptr);
         EXPECT_EQ(acl.aclFinalize(), 0);
         EXPECT_EQ(acl.aclFinalize(), ACL_ERROR_REPEAT_FINALIZE);
       }},
      {"leak: aclFinalize was not called",
       [](auto& acl) { EXPECT_EQ(acl.aclInit(nullptr), 0); }},
      {"call #1 aclrtSetDevice: called before aclInit",
       [](auto& acl) {
         EXPECT_EQ(acl.aclrtSetDevice(0), ACL_ERROR_UNINITIALIZE);
         EXPECT_EQ(acl.aclCreateDataBuffer(nullptr, 0), nullptr);
       }},
      {"aclrtCreateContext: device 0 was not set",
       [](auto& acl) {
         acl.aclInit(nullptr);
         aclrtContext context = nullptr;
         EXPECT_EQ(acl.aclrtCreateContext(&context, 0),
                   ACL_ERROR_RT_PARAM_INVALID);
         acl.aclFinalize();
       }},
  };
  for (const Case& test : cases) {
    ExpectViolation(test.text, Child{{}, test.body});
  }
}

TEST(ProcessTest, ForkIsAViolationOfTheParentOnly) {
  CheckSessions({{"call #2 aclrtSetDevice: fork", [](const Functions&) {
                    const pid_t child = fork();
                    if (child == 0) std::exit(5);
                    int status = 0;
                    waitpid(child, &status, 0);
                    EXPECT_EQ(WEXITSTATUS(status), 5);
                  }}});
}

TEST(ProcessTest, TraceAndMessage) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace.txt";
  Environment environment = Faults("aclrtMemset:1=100000");
  environment["LENET_SIM_TRACE"] = trace;
  ExpectViolation(
      "call #7 aclrtFreeHost: ", InSession(environment, [](auto& acl) {
        char* device = Malloc(acl, 8);
        acl.aclrtMemset(device, 8, 0, 8);
        EXPECT_THAT(acl.aclGetRecentErrMsg(), HasSubstr("aclrtMemset"));
        EXPECT_EQ(acl.aclGetRecentErrMsg(), nullptr) << "once";
        acl.aclrtFreeHost(device);
        acl.aclrtFree(device);
      }));
  EXPECT_THAT(
      ReadTestFile(trace),
      testing::AllOf(HasSubstr("#1 aclInit -> 0\n#2 aclrtSetDevice -> 0\n"
                               "#3 aclrtMalloc -> 0\n"
                               "#4 aclrtMemset -> 100000 injected :1=100000\n"),
                     HasSubstr("#7 aclrtFreeHost -> 107000\n"),
                     HasSubstr("\nend: rules were broken, peak 64 bytes\n")));
  ExpectClean(InSession({{"LENET_SIM_TRACE", trace}}, [](auto&) {}));
  EXPECT_THAT(ReadTestFile(trace), HasSubstr("\nend: ok, peak 0 bytes\n"));
}

TEST(DeviceTest, Violations) {
  CheckSessions({
      {"aclrtResetDevice: device 0 was not set",
       [](auto& acl) {
         EXPECT_EQ(acl.aclrtResetDevice(0), 0);
         EXPECT_EQ(acl.aclrtResetDevice(0), ACL_ERROR_RT_INVALID_DEVICEID);
         EXPECT_EQ(acl.aclrtSetDevice(0), 0);
       }},
      {"aclrtResetDevice: 2 contexts",
       [](auto& acl) {
         Malloc(acl, 8);
         CreateStream(acl);
       }},
      {"aclrtDestroyContext: the context still owns the stream of call #4",
       [](auto& acl) {
         aclrtContext context = nullptr;
         acl.aclrtCreateContext(&context, 0);
         CreateStream(acl);
         EXPECT_EQ(acl.aclrtDestroyContext(context), 0);
       }},
      {"aclrtCreateStream: this thread has no current context",
       [](auto& acl) {
         std::thread([&acl] {
           aclrtStream stream = nullptr;
           EXPECT_EQ(acl.aclrtCreateStream(&stream), ACL_ERROR_RT_CONTEXT_NULL);
         }).join();
       }},
      {"aclrtSynchronizeStream: the stream belongs to another context",
       [](auto& acl) {
         aclrtStream stream = CreateStream(acl);
         aclrtContext context = nullptr;
         acl.aclrtCreateContext(&context, 0);
         EXPECT_EQ(acl.aclrtSynchronizeStream(stream),
                   ACL_ERROR_RT_STREAM_CONTEXT);
         acl.aclrtDestroyContext(context);
         acl.aclrtSetDevice(0);
         acl.aclrtDestroyStream(stream);
       }},
      {"aclrtDestroyStream: this is no stream",
       [](auto& acl) {
         aclrtStream stream = CreateStream(acl);
         EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
         EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_ERROR_INVALID_PARAM);
       }},
  });
}

TEST(FaultsTest, CallsFailWithoutEffect) {
  for (const char* faults :
       {"aclrtMalloc:2=207001", "aclrtMalloc:*=207001", "aclrtMalloc=207001"}) {
    ExpectClean(InSession(Faults(faults), [&](auto& acl) {
      const bool every = std::strstr(faults, ":2") == nullptr;
      void* pointers[3] = {};
      for (int i = 0; i < 3; ++i) {
        const aclError code =
            acl.aclrtMalloc(&pointers[i], 8, ACL_MEM_MALLOC_NORMAL_ONLY);
        const bool fails = every || i == 1;
        EXPECT_EQ(code, fails ? ACL_ERROR_RT_MEMORY_ALLOCATION : 0);
        if (!fails) acl.aclrtFree(pointers[i]);
      }
    }));
  }
}

TEST(FaultsTest, QueuedWorkFailsAtTheSynchronisationInEverySchedule) {
  for (const char* schedule : {"sync", "eager", "random:1"}) {
    Environment environment = Faults("aclrtMemcpyAsync:2@sync=100000");
    environment["LENET_SIM_SCHEDULE"] = schedule;
    ExpectClean(InSession(environment, [](auto& acl) {
      char* device = Malloc(acl, 8);
      for (const char* from : {"1111111", "2222222", "3333333"}) {
        EXPECT_EQ(QueueIn(acl, device, from), 0);
      }
      EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_ERROR_INVALID_PARAM);
      EXPECT_STREQ(CopyOut(acl, device).c_str(), "1111111");
      EXPECT_EQ(QueueIn(acl, device, "4444444"), 0);
      EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), 0);
      EXPECT_STREQ(CopyOut(acl, device).c_str(), "4444444");
      acl.aclrtFree(device);
    }));
  }
}

TEST(FaultsTest, AFailedSynchronisationDropsTheWork) {
  ExpectClean(
      InSession(Faults("aclrtSynchronizeStream:1=500003"), [](auto& acl) {
        char* device = Malloc(acl, 8);
        QueueIn(acl, device, "1111111");
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_ERROR_RT_FAILURE);
        EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), 0);
        EXPECT_THAT(CopyOut(acl, device), testing::Each('\xFF'));
        acl.aclrtFree(device);
      }));
}

TEST(FaultsTest, AfterADeviceFailureOnlyTheTeardownIsAllowed) {
  const auto run = [](bool more) {
    return InSession(Faults("aclrtMemcpy:1=507013"), [more](auto& acl) {
      char* device = Malloc(acl, 8);
      EXPECT_EQ(CopyIn(acl, device, "1234567"), ACL_ERROR_RT_SYS_DMA);
      if (more) CopyIn(acl, device, "1234567");
      EXPECT_EQ(acl.aclrtFree(device), 0);
    });
  };
  ExpectClean(run(false));
  ExpectViolation("aclrtMemcpy: the device is used after", run(true));
}

TEST(FaultsTest, ALostDeviceLeavesOnlyTheTeardown) {
  ExpectClean(InSession(Faults("lost:5"), [](auto& acl) {
    aclrtStream stream = CreateStream(acl);
    char* device = Malloc(acl, 8);
    EXPECT_EQ(QueueIn(acl, device, "1234567", stream), 0);
    EXPECT_EQ(acl.aclrtMemset(device, 8, 0, 8), ACL_ERROR_RT_LOST_HEARTBEAT);
    EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, 1000),
              ACL_ERROR_RT_LOST_HEARTBEAT);
    EXPECT_EQ(acl.aclrtFree(device), 0);
    EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
  }));
}

TEST(FaultsTest, AStreamThatHangs) {
  const auto run = [](int32_t timeout) {
    return InSession(Faults("aclrtMemcpyAsync:1=hang"), [timeout](auto& acl) {
      aclrtStream stream = CreateStream(acl);
      char* device = Malloc(acl, 8);
      EXPECT_EQ(QueueIn(acl, device, "1234567", stream), 0);
      EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, 0),
                ACL_ERROR_RT_PARAM_INVALID);
      EXPECT_EQ(acl.aclrtSynchronizeStreamWithTimeout(stream, timeout),
                ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
      EXPECT_EQ(acl.aclrtFree(device), 0);
      EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
    });
  };
  ExpectClean(run(1));
  ExpectViolation("would wait forever", run(-1));
}

// The hazard of a host that overwrites its buffer before the synchronisation:
// the device may get the old or the new content.
TEST(ScheduleTest, ShowsWritesToABufferOfQueuedWork) {
  const TempFolder folder;
  const auto run = [&folder](const std::string& schedule) {
    ExpectClean(
        InSession({{"LENET_SIM_SCHEDULE", schedule}}, [&folder](auto& acl) {
          char* device = Malloc(acl, 8);
          std::string host = "old 456";
          EXPECT_EQ(QueueIn(acl, device, host.c_str()), 0);
          acl.aclrtFree(Malloc(acl, 8));
          host.replace(0, 3, "new");
          EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), 0);
          folder.Write("content", CopyOut(acl, device).substr(0, 3));
          acl.aclrtFree(device);
        }));
    return ReadTestFile(folder.path() + "/content");
  };
  EXPECT_EQ(run("sync"), "new");
  EXPECT_EQ(run("eager"), "old");
  std::set<std::string> seen;
  for (int seed = 0; seed < 20; ++seed) {
    const std::string schedule = "random:" + std::to_string(seed);
    const std::string content = run(schedule);
    EXPECT_EQ(run(schedule), content) << "the seed decides";
    seen.insert(content);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"new", "old"}));
}

TEST(ScheduleTest, WorkCountsAsQueuedUntilTheSynchronisation) {
  for (const char* schedule : {"sync", "eager", "random:1"}) {
    const Environment environment = {{"LENET_SIM_SCHEDULE", schedule}};
    CheckSessions({
        {"aclrtDestroyStream: the stream has work",
         [](auto& acl) {
           aclrtStream stream = CreateStream(acl);
           char* device = Malloc(acl, 8);
           QueueIn(acl, device, "1234567", stream);
           EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
           acl.aclrtFree(device);
         },
         environment},
        {"aclrtFree: memory is freed before the work of call #4 "
         "aclrtMemcpyAsync is synchronised",
         [](auto& acl) {
           char* device = Malloc(acl, 8);
           QueueIn(acl, device, "1234567");
           EXPECT_EQ(acl.aclrtFree(device), 0);
           acl.aclrtSynchronizeStream(nullptr);
         },
         environment},
    });
  }
}

TEST(CopyTest, InvalidArguments) {
  ExpectClean(InSession({}, [](auto& acl) {
    void* pointer = nullptr;
    EXPECT_EQ(acl.aclrtMallocHost(&pointer, 0), ACL_ERROR_INVALID_PARAM);
    char* device = Malloc(acl, 8);
    EXPECT_EQ(CopyIn(acl, device, nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtMemset(device, 8, 0, 9), ACL_ERROR_RT_PARAM_INVALID);
    EXPECT_EQ(acl.aclrtMemcpyAsync(device, 8, device + 1, 1,
                                   ACL_MEMCPY_DEVICE_TO_DEVICE, nullptr),
              ACL_ERROR_RT_ADDR_UNALIGNED);
    acl.aclrtFree(device);
  }));
}

TEST(CopyTest, DeviceModeHasOneMemory) {
  ExpectClean(InSession(kDeviceMode, [](auto& acl) {
    char* device = Malloc(acl, 8);
    EXPECT_EQ(
        acl.aclrtMemcpy(device, 8, "1234567", 8, ACL_MEMCPY_DEVICE_TO_DEVICE),
        0);
    EXPECT_EQ(acl.aclrtMemset(device, 8, 'x', 4), 0);
    EXPECT_STREQ(device, "xxxx567");
    acl.aclrtFree(device);
  }));
  const Child child = InSession({}, [](auto& acl) {
    volatile char* device = Malloc(acl, 8);
    std::exit(device[0] == 0 ? 0 : 1);
  });
  // Sanitizers turn the signal into a report and an exit status.
  EXPECT_EXIT(
      RunAndExit(child), [](int status) { return status != 0; },
      Not(HasSubstr("rules were broken")));
}

TEST(CopyTest, Violations) {
  const auto copy = [](aclrtMemcpyKind kind, size_t capacity) {
    return [kind, capacity](auto& acl) {
      char* device = Malloc(acl, 8);
      char host[9] = {};
      EXPECT_EQ(acl.aclrtMemcpy(device, capacity, host, 8, kind),
                ACL_ERROR_RT_SYS_DMA);
      acl.aclrtFree(device);
    };
  };
  CheckSessions({
      {"aclrtMemcpy: a copy between host and device",
       copy(ACL_MEMCPY_HOST_TO_DEVICE, 8), kDeviceMode},
      {"8 bytes are not within one block of host",
       copy(ACL_MEMCPY_DEVICE_TO_HOST, 8)},
      {"8 bytes are not within one block of device",
       copy(ACL_MEMCPY_DEVICE_TO_DEVICE, 8)},
      {"9 bytes are not within one block of device",
       copy(ACL_MEMCPY_HOST_TO_DEVICE, 9)},
      {"memory that the current context can use",
       [](auto& acl) {
         char* device = Malloc(acl, 8);
         acl.aclrtSetDevice(1);
         EXPECT_EQ(CopyIn(acl, device, "1234567"), ACL_ERROR_RT_SYS_DMA);
         EXPECT_EQ(acl.aclrtFree(device), 0);
         acl.aclrtResetDevice(1);
       },
       {{"LENET_SIM_DEVICES", "2"}}},
      {"call #3 aclrtMalloc is in the device heap, not in the host heap",
       [](auto& acl) {
         char* device = Malloc(acl, 8);
         EXPECT_EQ(acl.aclrtFreeHost(device), ACL_ERROR_RT_PARAM_INVALID);
         EXPECT_EQ(acl.aclrtFree(device), 0);
       }},
      {"call #3 aclrtMalloc: leak: 8 bytes of device memory",
       [](auto& acl) { Malloc(acl, 8); }},
      {"leak: 8 bytes of dvpp memory",
       [](auto& acl) {
         void* picture = nullptr;
         EXPECT_EQ(OpenDvpp().acldvppMalloc(&picture, 8), 0);
         EXPECT_EQ(acl.aclrtFree(picture), ACL_ERROR_RT_PARAM_INVALID);
       }},
      {"aclrtFree: no memory of AscendCL starts here",
       [](auto& acl) {
         char* device = Malloc(acl, 8);
         EXPECT_EQ(acl.aclrtFree(device), 0);
         EXPECT_EQ(acl.aclrtFree(device), ACL_ERROR_RT_PARAM_INVALID);
       }},
      {"aclrtFree: bytes before or after the block",
       [](auto& acl) {
         char* device = Malloc(acl, 100);
         device[100] = 0;
         EXPECT_EQ(acl.aclrtFree(device), 0);
       },
       kDeviceMode},
  });
}

}  // namespace
}  // namespace lenet::ascend::sim
