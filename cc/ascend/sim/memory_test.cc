#include "cc/ascend/sim/memory.h"

#include <unistd.h>

#include <array>
#include <cstdint>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using testing::HasSubstr;

constexpr Site kSite{7, "aclrtMalloc"};
constexpr size_t kCapacity = size_t{1} << 20;
constexpr HeapKind kHeaps[] = {HeapKind::kDevice, HeapKind::kHost,
                               HeapKind::kDvpp};

char* Allocate(Memory* memory, HeapKind heap, size_t size, int device = 0) {
  return static_cast<char*>(memory->Allocate(heap, device, size, kSite));
}

// Returns whether this process may read the byte.
bool Readable(const void* pointer) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const bool readable = write(ends[1], pointer, 1) == 1;
  close(ends[0]);
  close(ends[1]);
  return readable;
}

uintptr_t Address(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

TEST(MemoryTest, AlignsAsPromisedAndNotBetter) {
  Memory memory(ACL_HOST, kCapacity);
  EXPECT_EQ(Address(Allocate(&memory, HeapKind::kDevice, 100)) % 128, 64u);
  EXPECT_EQ(Address(Allocate(&memory, HeapKind::kDvpp, 100)) % 256, 128u);
}

TEST(MemoryTest, RunModeDecidesWhatTheHostCanRead) {
  for (const aclrtRunMode mode : {ACL_HOST, ACL_DEVICE}) {
    Memory memory(mode, kCapacity);
    for (HeapKind heap : kHeaps) {
      const char* block = Allocate(&memory, heap, 100);
      EXPECT_EQ(Readable(block), mode == ACL_DEVICE || heap == HeapKind::kHost);
      EXPECT_EQ(memory.Free(heap, block), "");
      EXPECT_FALSE(Readable(block));
    }
  }
}

TEST(MemoryTest, FindsWritesAroundABlock) {
  Memory memory(ACL_DEVICE, kCapacity);
  for (HeapKind heap : kHeaps) {
    for (const ptrdiff_t at : {-1, -64, 100, 163, 3000}) {
      char* block = Allocate(&memory, heap, 100);
      block[at] = 0;
      EXPECT_THAT(memory.Free(heap, block), HasSubstr("overwritten")) << at;
      EXPECT_THAT(memory.Free(heap, block), HasSubstr("freed before"));
    }
  }
}

TEST(MemoryTest, DevicesHaveCapacitiesThatTwoHeapsShare) {
  Memory memory(ACL_HOST, kCapacity);
  const size_t half = kCapacity / 2 - 64;
  const char* first = Allocate(&memory, HeapKind::kDevice, half);
  EXPECT_NE(first, nullptr);
  EXPECT_NE(Allocate(&memory, HeapKind::kDvpp, half), nullptr);
  EXPECT_EQ(Allocate(&memory, HeapKind::kDevice, half), nullptr);
  EXPECT_NE(Allocate(&memory, HeapKind::kDevice, half, 1), nullptr);
  EXPECT_NE(Allocate(&memory, HeapKind::kHost, kCapacity * 2), nullptr);
  memory.Free(HeapKind::kDevice, first);
  EXPECT_NE(Allocate(&memory, HeapKind::kDevice, half), nullptr);
}

TEST(MemoryTest, EachSideSeesItsMemory) {
  int local = 0;
  for (const aclrtRunMode mode : {ACL_HOST, ACL_DEVICE}) {
    const bool one_memory = mode == ACL_DEVICE;
    Memory memory(mode, kCapacity);
    for (HeapKind heap : kHeaps) {
      const char* block = Allocate(&memory, heap, 10);
      const bool host = heap == HeapKind::kHost;
      EXPECT_EQ(memory.View(Side::kHost, block, 10) != nullptr,
                host || one_memory);
      EXPECT_EQ(memory.View(Side::kDevice, block, 10) != nullptr,
                !host || one_memory);
      EXPECT_EQ(memory.View(Side::kDvpp, block, 10) != nullptr,
                heap == HeapKind::kDvpp);
    }
    EXPECT_EQ(static_cast<void*>(memory.View(Side::kHost, &local, 4)), &local);
    EXPECT_EQ(memory.View(Side::kDevice, &local, 4), nullptr);
    const char* block = Allocate(&memory, HeapKind::kDevice, 100);
    EXPECT_NE(memory.View(Side::kDevice, block + 99, 1), nullptr);
    EXPECT_EQ(memory.View(Side::kDevice, block, 101), nullptr);
    EXPECT_EQ(memory.View(Side::kDevice, block - 1, 1), nullptr);
  }
}

}  // namespace
}  // namespace lenet::ascend::sim
