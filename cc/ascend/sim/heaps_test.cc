#include "cc/ascend/sim/heaps.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using Misuse = Heaps::Misuse;

constexpr Site kSite{7, Function::aclrtMalloc};
constexpr size_t kMemory = size_t{1} << 20;

// Whether this process may read the byte; the system looks for us.
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

TEST(HeapsTest, AlignsAsPromisedAndNotBetter) {
  Heaps heaps(ACL_HOST, kMemory);
  void* device = heaps.Allocate(HeapKind::kDevice, 0, 100, kSite);
  void* dvpp = heaps.Allocate(HeapKind::kDvpp, 0, 100, kSite);
  EXPECT_EQ(Address(device) % 128, 64u);
  EXPECT_EQ(Address(dvpp) % 256, 128u);
}

TEST(HeapsTest, HostCannotReadDeviceMemoryInHostMode) {
  Heaps heaps(ACL_HOST, kMemory);
  EXPECT_FALSE(Readable(heaps.Allocate(HeapKind::kDevice, 0, 100, kSite)));
  EXPECT_FALSE(Readable(heaps.Allocate(HeapKind::kDvpp, 0, 100, kSite)));
  EXPECT_TRUE(Readable(heaps.Allocate(HeapKind::kHost, 0, 100, kSite)));
}

TEST(HeapsTest, DeviceModeHasOneMemoryWhileTheBlockLives) {
  Heaps heaps(ACL_DEVICE, kMemory);
  for (HeapKind heap : {HeapKind::kDevice, HeapKind::kHost, HeapKind::kDvpp}) {
    void* block = heaps.Allocate(heap, 0, 100, kSite);
    EXPECT_TRUE(Readable(block)) << Name(heap);
    EXPECT_EQ(heaps.Free(heap, block), Misuse::kNone);
    EXPECT_FALSE(Readable(block)) << Name(heap);
  }
}

TEST(HeapsTest, FreshMemoryIsPoison) {
  Heaps heaps(ACL_HOST, kMemory);
  void* block = heaps.Allocate(HeapKind::kDevice, 0, 10000, kSite);
  const char* view = heaps.DeviceView(block, 10000);
  ASSERT_NE(view, nullptr);
  EXPECT_TRUE(std::all_of(view, view + 10000, [](char c) {
    return static_cast<unsigned char>(c) == Heaps::kPoison;
  }));
}

TEST(HeapsTest, BothMappingsAreOneMemory) {
  Heaps heaps(ACL_DEVICE, kMemory);
  char* block =
      static_cast<char*>(heaps.Allocate(HeapKind::kDevice, 0, 10000, kSite));
  block[9000] = 'x';
  EXPECT_EQ(heaps.DeviceView(block, 10000)[9000], 'x');
  EXPECT_EQ(*heaps.DeviceView(block + 9000, 1), 'x');
}

TEST(HeapsTest, SeesWritesAroundABlock) {
  Heaps heaps(ACL_DEVICE, kMemory);
  for (HeapKind heap : {HeapKind::kDevice, HeapKind::kHost, HeapKind::kDvpp}) {
    for (const ptrdiff_t at : {-1, -64, 100, 163, 3000}) {
      char* block = static_cast<char*>(heaps.Allocate(heap, 0, 100, kSite));
      block[at] = 0;
      EXPECT_EQ(heaps.Free(heap, block), Misuse::kOverwritten) << at;
      EXPECT_EQ(heaps.Free(heap, block), Misuse::kNotABlock) << "it is freed";
    }
  }
}

TEST(HeapsTest, FreesOnlyWhatIsItsOwnOnce) {
  Heaps heaps(ACL_HOST, kMemory);
  char* block =
      static_cast<char*>(heaps.Allocate(HeapKind::kDevice, 0, 100, kSite));
  EXPECT_EQ(heaps.Free(HeapKind::kHost, block), Misuse::kOtherHeap);
  EXPECT_EQ(heaps.Free(HeapKind::kDvpp, block), Misuse::kOtherHeap);
  EXPECT_EQ(heaps.Free(HeapKind::kDevice, block + 1), Misuse::kNotTheStart);
  EXPECT_EQ(heaps.Free(HeapKind::kDevice, block - 1), Misuse::kNotABlock);
  EXPECT_EQ(heaps.Free(HeapKind::kDevice, block), Misuse::kNone);
  EXPECT_EQ(heaps.Free(HeapKind::kDevice, block), Misuse::kNotABlock);
  int local = 0;
  EXPECT_EQ(heaps.Free(HeapKind::kDevice, &local), Misuse::kNotABlock);
  EXPECT_TRUE(heaps.LiveBlocks().empty());
}

TEST(HeapsTest, AddressesDoNotComeBackSoon) {
  Heaps heaps(ACL_HOST, kMemory);
  std::set<void*> seen;
  for (int i = 0; i < 1000; ++i) {
    void* block = heaps.Allocate(HeapKind::kDevice, 0, 100, kSite);
    EXPECT_TRUE(seen.insert(block).second);
    heaps.Free(HeapKind::kDevice, block);
  }
}

TEST(HeapsTest, AddressesComeBackWhenTheHeapIsThrough) {
  constexpr size_t kBig = size_t{20} << 20;
  Heaps heaps(ACL_HOST, kMemory);
  std::set<void*> seen;
  void* kept = heaps.Allocate(HeapKind::kHost, 0, 1, kSite);
  for (int i = 0; i < 12; ++i) {
    void* block = heaps.Allocate(HeapKind::kHost, 0, kBig, kSite);
    ASSERT_NE(block, nullptr);
    EXPECT_NE(block, kept);
    seen.insert(block);
    EXPECT_EQ(heaps.Free(HeapKind::kHost, block), Misuse::kNone);
  }
  EXPECT_LT(seen.size(), 12u);
  EXPECT_EQ(heaps.Free(HeapKind::kHost, kept), Misuse::kNone);
}

TEST(HeapsTest, DevicesHaveTheirOwnMemoryWhichTwoHeapsShare) {
  Heaps heaps(ACL_HOST, kMemory);
  const size_t half = kMemory / 2 - 64;
  void* first = heaps.Allocate(HeapKind::kDevice, 0, half, kSite);
  EXPECT_NE(first, nullptr);
  EXPECT_NE(heaps.Allocate(HeapKind::kDvpp, 0, half, kSite), nullptr);
  EXPECT_EQ(heaps.Allocate(HeapKind::kDevice, 0, half, kSite), nullptr);
  EXPECT_NE(heaps.Allocate(HeapKind::kDevice, 1, half, kSite), nullptr);
  EXPECT_NE(heaps.Allocate(HeapKind::kHost, 0, kMemory * 2, kSite), nullptr);
  heaps.Free(HeapKind::kDevice, first);
  EXPECT_NE(heaps.Allocate(HeapKind::kDevice, 0, half, kSite), nullptr);
}

TEST(HeapsTest, ChargesTheRoundedSize) {
  Heaps heaps(ACL_HOST, kMemory);
  void* block = heaps.Allocate(HeapKind::kDevice, 0, 33, kSite);
  EXPECT_EQ(heaps.used(0), 96u);  // (33 + 63) / 32 * 32
  heaps.Free(HeapKind::kDevice, block);
  EXPECT_EQ(heaps.used(0), 0u);
  EXPECT_EQ(heaps.peak(HeapKind::kDevice), 33u);
}

TEST(HeapsTest, ViewsEndWithTheBlock) {
  Heaps heaps(ACL_HOST, kMemory);
  char* block =
      static_cast<char*>(heaps.Allocate(HeapKind::kDevice, 0, 100, kSite));
  EXPECT_NE(heaps.DeviceView(block, 100), nullptr);
  EXPECT_NE(heaps.DeviceView(block + 99, 1), nullptr);
  EXPECT_EQ(heaps.DeviceView(block, 101), nullptr);
  EXPECT_EQ(heaps.DeviceView(block + 1, 100), nullptr);
  EXPECT_EQ(heaps.DeviceView(block + 100, 1), nullptr);
  EXPECT_EQ(heaps.DeviceView(block - 1, 1), nullptr);
  heaps.Free(HeapKind::kDevice, block);
  EXPECT_EQ(heaps.DeviceView(block, 1), nullptr);
}

TEST(HeapsTest, EachSideSeesItsMemory) {
  Heaps heaps(ACL_HOST, kMemory);
  void* device = heaps.Allocate(HeapKind::kDevice, 0, 10, kSite);
  void* dvpp = heaps.Allocate(HeapKind::kDvpp, 0, 10, kSite);
  void* host = heaps.Allocate(HeapKind::kHost, 0, 10, kSite);
  int local = 0;
  EXPECT_EQ(heaps.HostView(device, 10), nullptr);
  EXPECT_EQ(heaps.HostView(dvpp, 10), nullptr);
  EXPECT_NE(heaps.HostView(host, 10), nullptr);
  EXPECT_EQ(static_cast<void*>(heaps.HostView(&local, 4)), &local);
  EXPECT_EQ(heaps.DeviceView(host, 10), nullptr);
  EXPECT_EQ(heaps.DeviceView(&local, 4), nullptr);
  EXPECT_EQ(heaps.DvppView(device, 10), nullptr);
  EXPECT_NE(heaps.DvppView(dvpp, 10), nullptr);
  EXPECT_EQ(heaps.DvppView(dvpp, 11), nullptr);
}

TEST(HeapsTest, InDeviceModeHostBlocksFeedTheDevice) {
  Heaps heaps(ACL_DEVICE, kMemory);
  void* host = heaps.Allocate(HeapKind::kHost, 0, 10, kSite);
  EXPECT_NE(heaps.DeviceView(host, 10), nullptr);
  EXPECT_EQ(heaps.used(0), 64u) << "it is device memory";
  int local = 0;
  EXPECT_EQ(heaps.DeviceView(&local, 4), nullptr);
}

TEST(HeapsTest, KnowsWhoMadeABlock) {
  Heaps heaps(ACL_HOST, kMemory);
  char* block =
      static_cast<char*>(heaps.Allocate(HeapKind::kDvpp, 3, 10, kSite));
  const std::optional<Block> found = heaps.Find(block + 9);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->heap, HeapKind::kDvpp);
  EXPECT_EQ(found->device, 3);
  EXPECT_EQ(found->address, block);
  EXPECT_EQ(found->size, 10u);
  EXPECT_EQ(found->site.number, kSite.number);
  EXPECT_FALSE(heaps.Find(block + 10).has_value());
  EXPECT_EQ(heaps.LiveBlocks().size(), 1u);
}

}  // namespace
}  // namespace lenet::ascend::sim
