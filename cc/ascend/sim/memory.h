#ifndef CC_ASCEND_SIM_MEMORY_H_
#define CC_ASCEND_SIM_MEMORY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"

namespace lenet::ascend::sim {

// Exit status of a process that leaks or breaks a rule.
inline constexpr int kExitStatus = 66;

// Prints the message to stderr and ends the process with kExitStatus.
[[noreturn]] void Die(const std::string& message);

// A call of the application.
struct Site {
  uint64_t number = 0;  // 1: first call of the process
  const char* function = "";
};
std::string Describe(Site site);  // "call #12 aclrtMalloc"

enum class HeapKind { kDevice, kHost, kDvpp };
inline constexpr size_t kHeapCount = 3;
const char* Name(HeapKind heap);  // "device", "host", "dvpp"

// The processor that accesses memory.
enum class Side { kHost, kDevice, kDvpp };

// Memory that was allocated and not freed.
struct Block {
  HeapKind heap = HeapKind::kDevice;
  int device = 0;
  char* address = nullptr;  // for the application
  size_t size = 0;          // as requested
  Site site;                // the call that allocated it
};

// The memory that the application allocates, in three heaps. Each heap is one
// memfd, mapped twice: for the application and for the simulator. In host mode
// the application's mapping of device and DVPP memory has no access rights, so
// a host that touches device memory dies. Other blocks have access rights until
// they are freed. Blocks have pages of their own, with guard bytes around the
// block that are checked when it is freed. Fresh memory is filled with kPoison,
// and addresses are never used again. The mappings last until the process ends.
// Blocks of the device heap start at an odd multiple of 64 bytes, blocks of the
// other heaps at an odd multiple of 128, which is the documented alignment.
class Memory {
 public:
  // Bytes that are NaN as float and float16.
  static constexpr unsigned char kPoison = 0xFF;

  // `bytes`: capacity per device, shared by the device and DVPP heaps (and by
  // the host heap in device mode).
  Memory(aclrtRunMode run_mode, size_t bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Returns null if the heap or the device has no room. size > 0.
  void* Allocate(HeapKind heap, int device, size_t size, Site site);

  // Frees the block. Returns what is wrong, or "". A block of another heap and
  // a pointer that is not the start of a block are not freed.
  std::string Free(HeapKind heap, const void* pointer);

  // Returns the live block with the byte.
  std::optional<Block> Find(const void* pointer) const;

  // Returns the simulator's address of `bytes` bytes of the application; null
  // unless they lie within one live block that this side can access. Memory
  // outside the heaps belongs to the host and is not checked.
  char* View(Side side, const void* pointer, size_t bytes) const;

  std::vector<Block> LiveBlocks() const;
  size_t used(int device) const;         // bytes, as the device rounds them
  size_t peak() const { return peak_; }  // highest value of used()
  size_t capacity() const { return capacity_; }
  aclrtRunMode run_mode() const { return run_mode_; }

 private:
  struct Heap {
    int file = -1;
    char* application = nullptr;
    char* simulator = nullptr;
    std::map<size_t, Block> blocks;  // by offset of the first page
    size_t used = 0;                 // bytes of addresses
  };

  bool HostCanAccess(HeapKind heap) const;
  bool Counts(HeapKind heap) const;
  const Heap* HeapOf(const void* pointer) const;

  const aclrtRunMode run_mode_;
  const size_t capacity_;
  std::array<Heap, kHeapCount> heaps_;
  std::map<int, size_t> used_;  // by device
  size_t peak_ = 0;
};

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_MEMORY_H_
