// Memory, copies and asynchronous work of the built libascendcl.so.

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

const Environment kDeviceMode = {{"LENET_SIM_RUN_MODE", "device"}};

char* Malloc(const Functions& acl, size_t size) {
  void* pointer = nullptr;
  EXPECT_EQ(acl.aclrtMalloc(&pointer, size, ACL_MEM_MALLOC_NORMAL_ONLY),
            ACL_SUCCESS);
  return static_cast<char*>(pointer);
}

// Runs between Begin and End.
Outcome InSession(const Environment& environment,
                  const std::function<void(const Functions&)>& body) {
  return InChild(environment, [&body](const Functions& acl) {
    Begin(acl);
    body(acl);
    End(acl);
  });
}

TEST(MemoryTest, CopiesThereAndBack) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    char* device = Malloc(acl, 8);
    char* other = Malloc(acl, 8);
    std::string back(8, ' ');
    EXPECT_EQ(
        acl.aclrtMemcpy(device, 8, "1234567", 8, ACL_MEMCPY_HOST_TO_DEVICE),
        ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtMemcpy(other, 8, device, 8, ACL_MEMCPY_DEVICE_TO_DEVICE),
              ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtMemcpy(&back[0], 8, other, 7, ACL_MEMCPY_DEVICE_TO_HOST),
              ACL_SUCCESS);
    EXPECT_EQ(back, "1234567 ");
    acl.aclrtFree(device);
    acl.aclrtFree(other);
  }));
}

TEST(MemoryTest, FreshMemoryIsNotZero) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    char* device = Malloc(acl, 8);
    std::string back(8, ' ');
    acl.aclrtMemcpy(&back[0], 8, device, 8, ACL_MEMCPY_DEVICE_TO_HOST);
    EXPECT_THAT(back, Each('\xFF'));
    acl.aclrtFree(device);
  }));
}

TEST(MemoryTest, SetsBytes) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    char* device = Malloc(acl, 8);
    EXPECT_EQ(acl.aclrtMemset(device, 8, 'x', 4), ACL_SUCCESS);
    std::string back(8, ' ');
    acl.aclrtMemcpy(&back[0], 8, device, 8, ACL_MEMCPY_DEVICE_TO_HOST);
    EXPECT_EQ(back, "xxxx\xFF\xFF\xFF\xFF");
    EXPECT_EQ(acl.aclrtMemset(device, 8, 0, 9), ACL_ERROR_RT_PARAM_INVALID);
    EXPECT_EQ(acl.aclrtMemset(nullptr, 8, 0, 8), ACL_ERROR_INVALID_PARAM);
    acl.aclrtFree(device);
  }));
}

TEST(MemoryTest, WrongArguments) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    void* pointer = nullptr;
    EXPECT_EQ(acl.aclrtMalloc(&pointer, 0, ACL_MEM_MALLOC_HUGE_FIRST),
              ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtMalloc(nullptr, 8, ACL_MEM_MALLOC_HUGE_FIRST),
              ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtMallocHost(&pointer, 0), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtFree(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtFreeHost(nullptr), ACL_ERROR_INVALID_PARAM);
    char* device = Malloc(acl, 8);
    char host[16] = {};
    EXPECT_EQ(acl.aclrtMemcpy(device, 8, nullptr, 8, ACL_MEMCPY_HOST_TO_DEVICE),
              ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(
        acl.aclrtMemcpy(device, 8, host, 8, static_cast<aclrtMemcpyKind>(4)),
        ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(acl.aclrtMemcpy(device, 8, host, 9, ACL_MEMCPY_HOST_TO_DEVICE),
              ACL_ERROR_RT_PARAM_INVALID);
    EXPECT_EQ(acl.aclrtMemcpyAsync(device, 8, device + 1, 1,
                                   ACL_MEMCPY_DEVICE_TO_DEVICE, nullptr),
              ACL_ERROR_RT_ADDR_UNALIGNED);
    acl.aclrtFree(device);
  }));
}

TEST(MemoryTest, HostThatReadsDeviceMemoryDies) {
  const Outcome outcome = InSession({}, [](const Functions& acl) {
    volatile char* device = Malloc(acl, 8);
    std::exit(device[0] == 0 ? 0 : 1);
  });
  // Sanitizers turn the signal into a report and a status of theirs.
  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.output, Not(HasSubstr("the rules were broken")));
}

TEST(MemoryTest, InDeviceModeTheHostReadsAndWrites) {
  ExpectClean(InSession(kDeviceMode, [](const Functions& acl) {
    char* device = Malloc(acl, 8);
    std::memcpy(device, "1234567", 8);
    char* other = Malloc(acl, 8);
    EXPECT_EQ(acl.aclrtMemcpy(other, 8, device, 8, ACL_MEMCPY_DEVICE_TO_DEVICE),
              ACL_SUCCESS);
    EXPECT_STREQ(other, "1234567");
    // From a plain buffer of the program, as a file's content would be.
    EXPECT_EQ(
        acl.aclrtMemcpy(other, 8, "abcdefg", 8, ACL_MEMCPY_DEVICE_TO_DEVICE),
        ACL_SUCCESS);
    EXPECT_STREQ(other, "abcdefg");
    acl.aclrtFree(device);
    acl.aclrtFree(other);
  }));
}

TEST(MemoryTest, HostAndDeviceAreOneInDeviceMode) {
  ExpectComplaint(InSession(kDeviceMode,
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              EXPECT_EQ(
                                  acl.aclrtMemcpy(device, 8, "1234567", 8,
                                                  ACL_MEMCPY_HOST_TO_DEVICE),
                                  ACL_ERROR_RT_SYS_DMA);
                              acl.aclrtFree(device);
                            }),
                  "aclrtMemcpy: order: a copy between host and device");
}

TEST(MemoryTest, KindThatDoesNotFitTheAddresses) {
  ExpectComplaint(InSession({},
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              char host[8] = {};
                              EXPECT_EQ(
                                  acl.aclrtMemcpy(device, 8, host, 8,
                                                  ACL_MEMCPY_DEVICE_TO_HOST),
                                  ACL_ERROR_RT_SYS_DMA);
                              acl.aclrtFree(device);
                            }),
                  "aclrtMemcpy: ownership: the target");
}

TEST(MemoryTest, CapacityBeyondTheBlock) {
  ExpectComplaint(InSession({},
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              char host[9] = {};
                              EXPECT_EQ(
                                  acl.aclrtMemcpy(device, 9, host, 8,
                                                  ACL_MEMCPY_HOST_TO_DEVICE),
                                  ACL_ERROR_RT_SYS_DMA);
                              acl.aclrtFree(device);
                            }),
                  "the target, 9 bytes, is not within one block");
}

TEST(MemoryTest, MemoryOfAnotherDevice) {
  ExpectComplaint(InSession({{"LENET_SIM_DEVICES", "2"}},
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              acl.aclrtSetDevice(1);
                              EXPECT_EQ(
                                  acl.aclrtMemcpy(device, 8, "1234567", 8,
                                                  ACL_MEMCPY_HOST_TO_DEVICE),
                                  ACL_ERROR_RT_SYS_DMA);
                              EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
                              acl.aclrtResetDevice(1);
                            }),
                  "memory that the current context can use");
}

TEST(MemoryTest, EachHeapTakesBackItsOwn) {
  ExpectComplaint(InSession({},
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              EXPECT_EQ(acl.aclrtFreeHost(device),
                                        ACL_ERROR_RT_PARAM_INVALID);
                              EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
                            }),
                  "aclrtFreeHost: ownership: the block is of the device heap, "
                  "from call #3 (aclrtMalloc)");
}

TEST(MemoryTest, DvppMemoryIsOfTheDevice) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    const DvppFunctions dvpp = OpenDvpp();
    void* picture = nullptr;
    EXPECT_EQ(dvpp.acldvppMalloc(&picture, 8), ACL_SUCCESS);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(picture) % 128, 0u);
    EXPECT_EQ(
        acl.aclrtMemcpy(picture, 8, "1234567", 8, ACL_MEMCPY_HOST_TO_DEVICE),
        ACL_SUCCESS);
    char* device = Malloc(acl, 8);
    EXPECT_EQ(
        acl.aclrtMemcpy(device, 8, picture, 8, ACL_MEMCPY_DEVICE_TO_DEVICE),
        ACL_SUCCESS);
    EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
    EXPECT_EQ(dvpp.acldvppFree(picture), ACL_SUCCESS);
    EXPECT_EQ(dvpp.acldvppMalloc(&picture, 0), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(dvpp.acldvppFree(nullptr), ACL_ERROR_INVALID_PARAM);
  }));
}

TEST(MemoryTest, DvppMemoryGoesBackToDvpp) {
  ExpectComplaint(InSession({},
                            [](const Functions& acl) {
                              const DvppFunctions dvpp = OpenDvpp();
                              void* picture = nullptr;
                              dvpp.acldvppMalloc(&picture, 8);
                              EXPECT_EQ(acl.aclrtFree(picture),
                                        ACL_ERROR_RT_PARAM_INVALID);
                            }),
                  "leak: 8 bytes of dvpp memory");
}

TEST(MemoryTest, FreedTwice) {
  ExpectComplaint(InSession({},
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 8);
                              EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
                              EXPECT_EQ(acl.aclrtFree(device),
                                        ACL_ERROR_RT_PARAM_INVALID);
                            }),
                  "aclrtFree: ownership: no memory of AscendCL starts here");
}

TEST(MemoryTest, WriteBehindABlockIsSeenWhenItIsFreed) {
  ExpectComplaint(InSession(kDeviceMode,
                            [](const Functions& acl) {
                              char* device = Malloc(acl, 100);
                              device[100] = 0;
                              EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
                            }),
                  "aclrtFree: ownership: somebody wrote before or behind");
}

TEST(MemoryTest, LeakNamesItsMaker) {
  ExpectComplaint(
      InSession({}, [](const Functions& acl) { Malloc(acl, 1234); }),
      "call #3 aclrtMalloc: leak: 1234 bytes of device memory");
}

TEST(MemoryTest, RunsOutOfMemory) {
  ExpectClean(
      InSession({{"LENET_SIM_MEMORY", "4096"}}, [](const Functions& acl) {
        size_t free = 0;
        size_t total = 0;
        EXPECT_EQ(acl.aclrtGetMemInfo(ACL_DDR_MEM, &free, &total), ACL_SUCCESS);
        EXPECT_EQ(total, 4096u);
        EXPECT_EQ(free, 4096u);
        char* first = Malloc(acl, 2000);
        EXPECT_EQ(acl.aclrtGetMemInfo(ACL_DDR_MEM, &free, &total), ACL_SUCCESS);
        EXPECT_EQ(free, 4096u - 2048u);
        void* second = &free;
        EXPECT_EQ(acl.aclrtMalloc(&second, 2100, ACL_MEM_MALLOC_HUGE_FIRST),
                  ACL_ERROR_RT_MEMORY_ALLOCATION);
        EXPECT_EQ(second, nullptr);
        acl.aclrtFree(first);
        EXPECT_EQ(acl.aclrtGetMemInfo(ACL_HBM_MEM, &free, &total), ACL_SUCCESS);
        EXPECT_EQ(total, 0u);
      }));
}

TEST(MemoryTest, AsynchronousCopyHappensAtTheSynchronisation) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    aclrtStream stream = nullptr;
    acl.aclrtCreateStream(&stream);
    char* device = Malloc(acl, 8);
    std::string host = "1234567";
    EXPECT_EQ(acl.aclrtMemcpyAsync(device, 8, host.c_str(), 8,
                                   ACL_MEMCPY_HOST_TO_DEVICE, stream),
              ACL_SUCCESS);
    std::string back(8, ' ');
    acl.aclrtMemcpy(&back[0], 8, device, 8, ACL_MEMCPY_DEVICE_TO_HOST);
    EXPECT_THAT(back, Each('\xFF')) << "nothing has happened yet";
    host[0] = 'x';  // and so the change is still seen
    EXPECT_EQ(acl.aclrtSynchronizeStream(stream), ACL_SUCCESS);
    acl.aclrtMemcpy(&back[0], 8, device, 8, ACL_MEMCPY_DEVICE_TO_HOST);
    EXPECT_STREQ(back.c_str(), "x234567");
    acl.aclrtFree(device);
    acl.aclrtDestroyStream(stream);
  }));
}

TEST(MemoryTest, DestroyedStreamMustHaveBeenSynchronised) {
  ExpectComplaint(
      InSession({},
                [](const Functions& acl) {
                  aclrtStream stream = nullptr;
                  acl.aclrtCreateStream(&stream);
                  char* device = Malloc(acl, 8);
                  acl.aclrtMemcpyAsync(device, 8, "1234567", 8,
                                       ACL_MEMCPY_HOST_TO_DEVICE, stream);
                  EXPECT_EQ(acl.aclrtDestroyStream(stream), ACL_SUCCESS);
                  acl.aclrtFree(device);
                }),
      "aclrtDestroyStream: order: the stream has work");
}

TEST(MemoryTest, MemoryOfWaitingWorkIsNotFreed) {
  ExpectComplaint(
      InSession({},
                [](const Functions& acl) {
                  char* device = Malloc(acl, 8);
                  acl.aclrtMemcpyAsync(device, 8, "1234567", 8,
                                       ACL_MEMCPY_HOST_TO_DEVICE, nullptr);
                  EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
                  acl.aclrtSynchronizeStream(nullptr);
                }),
      "aclrtFree: ownership: memory is freed while the work of call #4 "
      "(aclrtMemcpyAsync) waits");
}

TEST(MemoryTest, ResetWaitsForTheDefaultStream) {
  ExpectClean(InChild({}, [](const Functions& acl) {
    Begin(acl);
    void* from = nullptr;
    acl.aclrtMallocHost(&from, 8);
    std::memcpy(from, "1234567", 8);
    char to[8] = {};
    acl.aclrtMemcpyAsync(to, 8, from, 8, ACL_MEMCPY_HOST_TO_HOST, nullptr);
    acl.aclrtSynchronizeStream(nullptr);
    acl.aclrtFreeHost(from);
    acl.aclrtMemcpyAsync(to, 8, "abcdefg", 8, ACL_MEMCPY_HOST_TO_HOST, nullptr);
    EXPECT_STREQ(to, "1234567");
    acl.aclrtResetDevice(0);
    EXPECT_STREQ(to, "abcdefg");
    acl.aclFinalize();
  }));
}

TEST(MemoryTest, ThreadsWorkSideBySide) {
  ExpectClean(InSession({}, [](const Functions& acl) {
    const auto work = [&acl] {
      acl.aclrtSetDevice(0);
      aclrtStream stream = nullptr;
      acl.aclrtCreateStream(&stream);
      for (int i = 0; i < 100; ++i) {
        const std::string sent = std::to_string(i);
        std::string back(sent.size(), ' ');
        char* device = Malloc(acl, sent.size());
        acl.aclrtMemcpyAsync(device, sent.size(), sent.data(), sent.size(),
                             ACL_MEMCPY_HOST_TO_DEVICE, stream);
        acl.aclrtMemcpyAsync(&back[0], back.size(), device, back.size(),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream);
        EXPECT_EQ(acl.aclrtSynchronizeStream(stream), ACL_SUCCESS);
        EXPECT_EQ(back, sent);
        EXPECT_EQ(acl.aclrtFree(device), ACL_SUCCESS);
      }
      acl.aclrtDestroyStream(stream);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
    for (std::thread& thread : threads) thread.join();
  }));
}

TEST(MemoryTest, PinnedMemoryIsOfTheHostInHostMode) {
  ExpectComplaint(
      InSession({},
                [](const Functions& acl) {
                  void* host = nullptr;
                  acl.aclrtMallocHost(&host, 8);
                  std::memset(host, 'x', 8);
                  char* device = Malloc(acl, 8);
                  EXPECT_EQ(acl.aclrtMemcpy(device, 8, host, 8,
                                            ACL_MEMCPY_HOST_TO_DEVICE),
                            ACL_SUCCESS);
                  EXPECT_EQ(acl.aclrtMemcpy(device, 8, host, 8,
                                            ACL_MEMCPY_DEVICE_TO_DEVICE),
                            ACL_ERROR_RT_SYS_DMA);
                  acl.aclrtFree(device);
                  acl.aclrtFreeHost(host);
                }),
      "the source, 8 bytes, is not within one block of device");
}

}  // namespace
}  // namespace lenet::ascend::sim
