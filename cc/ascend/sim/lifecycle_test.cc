// Process, devices, contexts and streams of the built libascendcl.so.

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::HasSubstr;
using testing::StrEq;

const Environment kModern = {{"LENET_SIM_PROFILE", "modern"}};

TEST(LifecycleTest, AWholeLife) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    Begin(acl);
    uint32_t count = 0;
    EXPECT_EQ(acl.aclrtGetDeviceCount(&count), ACL_SUCCESS);
    EXPECT_EQ(count, 1u);
    aclrtContext context = nullptr;
    EXPECT_EQ(acl.aclrtCreateContext(&context, 0), ACL_SUCCESS);
    aclrtStream stream = nullptr;
    EXPECT_EQ(acl.aclrtCreateStream(&stream), ACL_SUCCESS);
    aclrtRunMode mode = ACL_DEVICE;
    EXPECT_EQ(acl.aclrtGetRunMode(&mode), ACL_SUCCESS);
    EXPECT_EQ(mode, ACL_HOST);
    EXPECT_EQ(acl.aclrtSynchronizeStream(stream), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtDestroyContext(context), ACL_SUCCESS);
    End(acl);
  }));
}

TEST(LifecycleTest, SaysWhatItIs) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    EXPECT_EQ(acl.aclrtGetSocName(), nullptr);
    Begin(acl);
    EXPECT_THAT(acl.aclrtGetSocName(), StrEq("Ascend310-simulator"));
    End(acl);
  }));
  ExpectClean(
      InChild({{"LENET_SIM_SOC", "Ascend310P3"}}, [](const Functions& acl) {
        Begin(acl);
        EXPECT_THAT(acl.aclrtGetSocName(), StrEq("Ascend310P3-simulator"));
        End(acl);
      }));
}

TEST(LifecycleTest, VersionNeedsNoInit) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    int32_t version[3] = {};
    EXPECT_EQ(acl.aclrtGetVersion(&version[0], &version[1], &version[2]),
              ACL_SUCCESS);
    EXPECT_EQ(version[0], 1);
    EXPECT_EQ(acl.aclrtGetVersion(nullptr, &version[1], &version[2]),
              ACL_ERROR_INVALID_PARAM);
  }));
}

TEST(LifecycleTest, BadSettingEndsTheProcess) {
  ExpectComplaint(InChild({{"LENET_SIM_DEVICES", "many"}},
                          [](const Functions& acl) { acl.aclInit(nullptr); }),
                  "LENET_SIM_DEVICES");
}

TEST(LifecycleTest, LegacyInitialisesOnce) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    EXPECT_EQ(acl.aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
    EXPECT_EQ(acl.aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  }));
}

TEST(LifecycleTest, ModernInitialisesAgain) {
  ExpectClean(InChild(kModern, [](const Functions& acl) {
    EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    EXPECT_EQ(acl.aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
    EXPECT_EQ(acl.aclInit("/dev/null"), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
    EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
  }));
}

TEST(LifecycleTest, MissingConfigurationFile) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    EXPECT_EQ(acl.aclInit("/nowhere/acl.json"), ACL_ERROR_INVALID_FILE);
  }));
}

TEST(LifecycleTest, FinalisesOnce) {
  for (const Environment& profile : {Environment(), kModern}) {
    ExpectComplaint(InChild(profile,
                            [](const Functions& acl) {
                              Begin(acl);
                              End(acl);
                              EXPECT_EQ(acl.aclFinalize(),
                                        ACL_ERROR_REPEAT_FINALIZE);
                            }),
                    "aclFinalize: order");
  }
}

TEST(LifecycleTest, EndWithoutFinalize) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
                          }),
                  "leak: aclFinalize was not called");
}

TEST(LifecycleTest, NothingBeforeInit) {
  ExpectComplaint(
      InChild({},
              [](const Functions& acl) {
                EXPECT_EQ(acl.aclrtSetDevice(0), ACL_ERROR_UNINITIALIZE);
                EXPECT_EQ(acl.aclCreateDataBuffer(nullptr, 0), nullptr);
              }),
      "call #1 aclrtSetDevice: order: called before aclInit");
}

TEST(LifecycleTest, NothingAfterFinalize) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            End(acl);
                            uint32_t count = 0;
                            EXPECT_EQ(acl.aclrtGetDeviceCount(&count),
                                      ACL_ERROR_UNINITIALIZE);
                          }),
                  "aclrtGetDeviceCount: order");
}

TEST(LifecycleTest, NoDevice) {
  ExpectClean(InChild({{"LENET_SIM_DEVICES", "0"}}, [](const Functions& acl) {
    EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    uint32_t count = 9;
    EXPECT_EQ(acl.aclrtGetDeviceCount(&count), ACL_SUCCESS);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(acl.aclrtSetDevice(0), ACL_ERROR_RT_INVALID_DEVICEID);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
  }));
  ExpectClean(InChild(
      {{"LENET_SIM_DEVICES", "0"}, {"LENET_SIM_PROFILE", "modern"}},
      [](const Functions& acl) {
        EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
        uint32_t count = 9;
        EXPECT_EQ(acl.aclrtGetDeviceCount(&count), ACL_ERROR_RT_NO_DEVICE);
        EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
      }));
}

TEST(LifecycleTest, DeviceNumbers) {
  ExpectClean(InChild({{"LENET_SIM_DEVICES", "2"}}, [](const Functions& acl) {
    EXPECT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtSetDevice(-1), ACL_ERROR_RT_INVALID_DEVICEID);
    EXPECT_EQ(acl.aclrtSetDevice(2), ACL_ERROR_RT_INVALID_DEVICEID);
    EXPECT_THAT(acl.aclGetRecentErrMsg(), HasSubstr("no device 2"));
    EXPECT_EQ(acl.aclGetRecentErrMsg(), nullptr) << "once only";
    EXPECT_EQ(acl.aclrtSetDevice(1), ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtResetDevice(1), ACL_SUCCESS);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
  }));
}

TEST(LifecycleTest, ModernCountsReferencesToADevice) {
  const auto twice = [](const Functions& acl) {
    Begin(acl);
    EXPECT_EQ(acl.aclrtSetDevice(0), ACL_SUCCESS);
    End(acl);
  };
  ExpectClean(InChild({}, twice));
  ExpectComplaint(InChild(kModern, twice), "aclrtSetDevice: leak: context");
}

TEST(LifecycleTest, ResetOfADeviceThatIsNotSet) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            EXPECT_EQ(acl.aclrtResetDevice(0), ACL_SUCCESS);
                            EXPECT_EQ(acl.aclrtResetDevice(0),
                                      ACL_ERROR_RT_INVALID_DEVICEID);
                            EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
                          }),
                  "aclrtResetDevice: order");
}

TEST(LifecycleTest, ResetWithALivingContext) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            aclrtContext context = nullptr;
                            acl.aclrtCreateContext(&context, 0);
                            EXPECT_EQ(acl.aclrtResetDevice(0), ACL_SUCCESS);
                            acl.aclrtDestroyContext(context);
                            EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
                          }),
                  "aclrtResetDevice: order: 1 contexts");
}

TEST(LifecycleTest, ResetWithMemoryAndStream) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            void* memory = nullptr;
                            acl.aclrtMalloc(&memory, 8,
                                            ACL_MEM_MALLOC_HUGE_FIRST);
                            aclrtStream stream = nullptr;
                            acl.aclrtCreateStream(&stream);
                            End(acl);
                          }),
                  "aclrtResetDevice: order: 2 contexts");
}

TEST(LifecycleTest, FinalizeWithLivingObjects) {
  const Outcome outcome = InChild({}, [](const Functions& acl) {
    Begin(acl);
    EXPECT_NE(acl.aclmdlCreateDataset(), nullptr);
    End(acl);
  });
  ExpectComplaint(outcome, "aclFinalize: order: 1 objects");
  EXPECT_THAT(outcome.output,
              HasSubstr("call #3 aclmdlCreateDataset: leak: dataset"));
}

TEST(LifecycleTest, ContextOfADeviceThatIsNotSet) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            acl.aclInit(nullptr);
                            aclrtContext context = nullptr;
                            EXPECT_EQ(acl.aclrtCreateContext(&context, 0),
                                      ACL_ERROR_RT_PARAM_INVALID);
                            acl.aclFinalize();
                          }),
                  "aclrtCreateContext: order");
}

TEST(LifecycleTest, StreamsGoBeforeTheirContext) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            aclrtContext context = nullptr;
                            acl.aclrtCreateContext(&context, 0);
                            aclrtStream stream = nullptr;
                            acl.aclrtCreateStream(&stream);
                            EXPECT_EQ(acl.aclrtDestroyContext(context),
                                      ACL_SUCCESS);
                            End(acl);
                          }),
                  "aclrtDestroyContext: order: a stream of call #4 lives");
}

TEST(LifecycleTest, NoCurrentContextAfterItWasDestroyed) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            aclrtContext context = nullptr;
                            acl.aclrtCreateContext(&context, 0);
                            EXPECT_EQ(acl.aclrtDestroyContext(context),
                                      ACL_SUCCESS);
                            aclrtStream stream = nullptr;
                            EXPECT_EQ(acl.aclrtCreateStream(&stream),
                                      ACL_ERROR_RT_CONTEXT_NULL);
                            End(acl);
                          }),
                  "aclrtCreateStream: order: this thread has no current");
}

TEST(LifecycleTest, EachThreadHasItsCurrentContext) {
  ExpectComplaint(
      InChild({},
              [](const Functions& acl) {
                Begin(acl);
                std::thread([&] {
                  aclrtStream stream = nullptr;
                  EXPECT_EQ(acl.aclrtCreateStream(&stream),
                            ACL_ERROR_RT_CONTEXT_NULL);
                  EXPECT_EQ(acl.aclrtSetDevice(0), ACL_SUCCESS);
                  EXPECT_EQ(acl.aclrtCreateStream(&stream), ACL_SUCCESS);
                  EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
                }).join();
                End(acl);
              }),
      "aclrtCreateStream: order: this thread has no current");
}

TEST(LifecycleTest, StreamOfAnotherContext) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            aclrtStream stream = nullptr;
                            acl.aclrtCreateStream(&stream);
                            aclrtContext second = nullptr;
                            acl.aclrtCreateContext(&second, 0);
                            EXPECT_EQ(acl.aclrtSynchronizeStream(stream),
                                      ACL_ERROR_RT_STREAM_CONTEXT);
                            acl.aclrtDestroyContext(second);
                            acl.aclrtSetDevice(0);
                            acl.aclrtDestroyStream(stream);
                            End(acl);
                          }),
                  "aclrtSynchronizeStream: order: the stream is not of");
}

TEST(LifecycleTest, StreamDestroyedTwice) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            aclrtStream stream = nullptr;
                            acl.aclrtCreateStream(&stream);
                            EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
                            EXPECT_EQ(acl.aclrtDestroyStream(stream),
                                      ACL_ERROR_INVALID_PARAM);
                            End(acl);
                          }),
                  "aclrtDestroyStream: ownership: this is no stream");
}

TEST(LifecycleTest, NullArguments) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    Begin(acl);
    EXPECT_EQ(acl.aclrtDestroyStream(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtDestroyContext(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtCreateStream(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclDestroyDataBuffer(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclmdlDestroyDataset(nullptr), ACL_ERROR_INVALID_PARAM);
    End(acl);
  }));
}

TEST(LifecycleTest, ForkIsABreachInTheParentOnly) {
  ExpectComplaint(InChild({},
                          [](const Functions& acl) {
                            Begin(acl);
                            const pid_t child = fork();
                            if (child == 0) std::exit(5);
                            int status = 0;
                            waitpid(child, &status, 0);
                            EXPECT_EQ(WEXITSTATUS(status), 5);
                            End(acl);
                          }),
                  "call #2 aclrtSetDevice: order: fork");
}

TEST(LifecycleTest, BufferAndDatasetOwnNothing) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    Begin(acl);
    int data = 0;
    aclDataBuffer* buffer = acl.aclCreateDataBuffer(&data, 4);
    aclmdlDataset* dataset = acl.aclmdlCreateDataset();
    EXPECT_EQ(acl.aclmdlAddDatasetBuffer(dataset, buffer), ACL_SUCCESS);
    EXPECT_EQ(acl.aclmdlDestroyDataset(dataset), ACL_SUCCESS);
    EXPECT_EQ(acl.aclDestroyDataBuffer(buffer), ACL_SUCCESS);
    End(acl);
  }));
}

TEST(LifecycleTest, DatasetIsNoBuffer) {
  ExpectComplaint(
      InChild({},
              [](const Functions& acl) {
                Begin(acl);
                aclmdlDataset* dataset = acl.aclmdlCreateDataset();
                EXPECT_EQ(acl.aclDestroyDataBuffer(
                              reinterpret_cast<aclDataBuffer*>(dataset)),
                          ACL_ERROR_INVALID_PARAM);
                EXPECT_EQ(acl.aclmdlDestroyDataset(dataset), ACL_SUCCESS);
                End(acl);
              }),
      "aclDestroyDataBuffer: ownership: this is no data buffer");
}

}  // namespace
}  // namespace lenet::ascend::sim
