#ifndef CC_ASCEND_SIM_HEAPS_H_
#define CC_ASCEND_SIM_HEAPS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"

namespace lenet::ascend::sim {

enum class HeapKind { kDevice, kHost, kDvpp };
inline constexpr size_t kHeapCount = 3;
const char* Name(HeapKind heap);  // "device", "host", "dvpp"

// Memory that was handed out and not yet given back.
struct Block {
  HeapKind heap = HeapKind::kDevice;
  int device = 0;
  char* address = nullptr;  // as the application knows it
  size_t size = 0;          // as asked for
  Site site;                // of the call that made it
};

// The three heaps. Each is one memfd, mapped twice: where the application gets
// its addresses from, and once more for the simulator. The first mapping of the
// device and DVPP heaps has no access rights in host mode, so that a host that
// reads device memory dies; in device mode, and for the host heap, blocks have
// rights as long as they live. Blocks do not share a page, addresses come back
// only when the heap has been gone through once, fresh memory is filled with
// kPoison, and what lies around a block is checked when it is freed. Device
// blocks start at an odd multiple of 64 bytes, the others at one of 128.
//
// Thread-safe. The memory itself is the caller's matter. To sanitizers a block
// is plain mapped memory: a write around it is found when it is freed, and a
// race between the application and the simulator is not found by
// ThreadSanitizer, which takes the two mappings for two memories.
class Heaps {
 public:
  // As float or float16 it is not a number.
  static constexpr unsigned char kPoison = 0xFF;

  // `memory`: bytes of each device that the device and DVPP heaps share.
  Heaps(aclrtRunMode run_mode, size_t memory);
  ~Heaps();
  Heaps(const Heaps&) = delete;
  Heaps& operator=(const Heaps&) = delete;

  // Null if the heap or the device's memory has no room for it. size > 0.
  void* Allocate(HeapKind heap, int device, size_t size, Site site);

  // What Free found wrong; then nothing was freed, except for kOverwritten.
  enum class Misuse {
    kNone,
    kNotABlock,    // never handed out, or freed before
    kNotTheStart,  // points into a block
    kOtherHeap,    // the block is of another heap
    kOverwritten,  // somebody wrote around the block
  };
  Misuse Free(HeapKind heap, void* pointer);

  // The live block that holds the byte.
  std::optional<Block> Find(const void* pointer) const;

  // True if the address lies in a heap, freed or not.
  bool Contains(const void* pointer) const;

  // `bytes` bytes at an address that the application gave, for the simulator to
  // read and write: in the block's second mapping. Null unless all of them are
  // in one live block that the device can reach: of the device or DVPP heap,
  // or, in device mode, of the host heap. With kDvpp, of the DVPP heap only.
  char* DeviceView(const void* pointer, size_t bytes) const;
  char* DvppView(const void* pointer, size_t bytes) const;

  // The same for memory of the host: blocks of the host heap, all blocks in
  // device mode, and what is in no heap (which cannot be checked).
  char* HostView(const void* pointer, size_t bytes) const;

  std::vector<Block> LiveBlocks() const;
  size_t used(int device) const;  // bytes of LENET_SIM_MEMORY, as rounded up
  size_t peak(HeapKind heap) const;
  size_t memory() const { return memory_; }
  aclrtRunMode run_mode() const { return run_mode_; }

 private:
  struct Region {
    int file = -1;
    size_t bytes = 0;
    char* application = nullptr;
    char* simulator = nullptr;
    // By offset of the first page.
    std::map<size_t, Block> blocks;
    size_t next = 0;  // where the search for room starts
    size_t used = 0;
    size_t peak = 0;
  };

  bool Shared(HeapKind heap) const;
  std::optional<size_t> FindRoom(const Region& region, size_t bytes) const;
  const Block* FindLocked(const void* pointer) const;
  char* View(const Block& block, const void* pointer, size_t bytes) const;

  const aclrtRunMode run_mode_;
  const size_t memory_;
  mutable std::mutex mutex_;
  std::array<Region, kHeapCount> regions_;
  std::map<int, size_t> used_;  // by device
};

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_HEAPS_H_
