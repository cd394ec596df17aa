#include "cc/ascend/memory.h"

#include <cstring>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/error.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

constexpr char kText[] = "0123456789abcdef0123456789abcdef";

absl::Status CopyRoundTrip(Session* session) {
  LENET_ASSIGN_OR_RETURN(const Memory first,
                         Memory::Allocate(session, Heap::kDevice, 100));
  LENET_ASSIGN_OR_RETURN(const Memory second,
                         Memory::Allocate(session, Heap::kDvpp, 100));
  LENET_RETURN_IF_ERROR(Copy(session, first.data(), first.size(), kText,
                             sizeof(kText), ACL_MEMCPY_HOST_TO_DEVICE));
  LENET_RETURN_IF_ERROR(
      Copy(session, second.data(), second.size(), first.data(), sizeof(kText),
           ACL_MEMCPY_DEVICE_TO_DEVICE, session->transfer_stream()));
  LENET_RETURN_IF_ERROR(session->Synchronize(session->transfer_stream()));
  char out[sizeof(kText)] = "";
  LENET_RETURN_IF_ERROR(Copy(session, out, sizeof(out), second.data(),
                             sizeof(out), ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_STREQ(out, kText);
  return absl::OkStatus();
}

absl::Status CopyTooMuch(Session* session) {
  LENET_ASSIGN_OR_RETURN(const Memory memory,
                         Memory::Allocate(session, Heap::kDevice, 8));
  return Copy(session, memory.data(), memory.size(), kText, 9,
              ACL_MEMCPY_HOST_TO_DEVICE);
}

TEST(MemoryDeathTest, CopiesInBothRunModes) {
  for (const char* mode : kRunModes) {
    const SimSettings settings = {{"LENET_SIM_RUN_MODE", mode}};
    LENET_EXPECT_IN_SESSION(settings, CopyRoundTrip, "OK");
    LENET_EXPECT_IN_SESSION(settings, CopyTooMuch,
                            "INTERNAL: .*9 bytes.*for 8");
  }
}

absl::Status CopyOnStream(Session* session) {
  LENET_ASSIGN_OR_RETURN(const Memory in,
                         Memory::Allocate(session, Heap::kHost, sizeof(kText)));
  LENET_ASSIGN_OR_RETURN(const Memory out,
                         Memory::Allocate(session, Heap::kHost, sizeof(kText)));
  LENET_ASSIGN_OR_RETURN(
      const Memory device,
      Memory::Allocate(session, Heap::kDevice, sizeof(kText)));
  std::memcpy(in.data(), kText, sizeof(kText));
  std::memset(out.data(), 0, sizeof(kText));
  const aclrtStream stream = session->transfer_stream();
  LENET_RETURN_IF_ERROR(Copy(session, device.data(), device.size(), in.data(),
                             sizeof(kText), ACL_MEMCPY_HOST_TO_DEVICE, stream));
  LENET_RETURN_IF_ERROR(Copy(session, out.data(), out.size(), device.data(),
                             sizeof(kText), ACL_MEMCPY_DEVICE_TO_HOST, stream));
  EXPECT_STREQ(static_cast<const char*>(out.data()), "");
  LENET_RETURN_IF_ERROR(session->Synchronize(stream));
  EXPECT_STREQ(static_cast<const char*>(out.data()), kText);
  return absl::OkStatus();
}

TEST(MemoryDeathTest, CopiesOnAStream) {
  LENET_EXPECT_IN_SESSION(SimSettings{}, CopyOnStream, "OK");
}

// The simulator reports blocks that are freed twice or not at all.
absl::Status MoveBlocks(Session* session) {
  std::vector<Memory> blocks;
  for (size_t size = 1; size < 20; ++size) {
    LENET_ASSIGN_OR_RETURN(Memory block,
                           Memory::Allocate(session, Heap::kDevice, size));
    blocks.push_back(std::move(block));
  }
  Memory first = std::move(blocks[0]);
  EXPECT_EQ(blocks[0].data(), nullptr);
  EXPECT_EQ(first.size(), 1u);
  first = std::move(blocks[1]);
  EXPECT_EQ(first.size(), 2u);
  first.Free();
  EXPECT_EQ(first.data(), nullptr);
  first.Free();
  return absl::OkStatus();
}

TEST(MemoryDeathTest, FreesOnce) {
  LENET_EXPECT_IN_SESSION(SimSettings{}, MoveBlocks, "OK");
}

}  // namespace
}  // namespace lenet::ascend
