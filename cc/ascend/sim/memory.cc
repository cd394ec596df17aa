#include "cc/ascend/sim/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace lenet::ascend::sim {
namespace {

constexpr unsigned char kGuard = 0xFA;
constexpr size_t kGuardBytes = 64;
constexpr size_t kMaxBlock = size_t{1} << 30;
constexpr size_t kHeapBytes = 2 * kMaxBlock;  // addresses; more slow qemu down

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Returns the number of guard bytes before a block.
size_t Lead(HeapKind heap) { return heap == HeapKind::kDevice ? 64 : 128; }

// Returns the bytes of the pages of a block. A page has 64 KiB on some systems
// for aarch64.
size_t Extent(HeapKind heap, size_t size) {
  return RoundUp(Lead(heap) + size + kGuardBytes,
                 static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

// Returns the bytes that the device reserves (AscendCL manual, aclrtMalloc).
size_t Charged(size_t size) { return (size + 63) / 32 * 32; }

bool AllGuard(const char* begin, const char* end) {
  return std::all_of(begin, end, [](char c) {
    return static_cast<unsigned char>(c) == kGuard;
  });
}

void CheckSystemCall(bool ok, const char* name) {
  if (!ok) Die(absl::StrCat(name, ": ", std::strerror(errno)));
}

char* Map(int file, size_t bytes, int rights) {
  void* address =
      mmap(nullptr, bytes, rights, MAP_SHARED | MAP_NORESERVE, file, 0);
  CheckSystemCall(address != MAP_FAILED, "mmap");
  return static_cast<char*>(address);
}

}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "AscendCL simulator: %s\n", message.c_str());
  std::fflush(nullptr);
  std::_Exit(kExitStatus);
}

std::string Describe(Site site) {
  return absl::StrCat("call #", site.number, " ", site.function);
}

const char* Name(HeapKind heap) {
  if (heap == HeapKind::kDevice) return "device";
  return heap == HeapKind::kHost ? "host" : "dvpp";
}

Memory::Memory(aclrtRunMode run_mode, size_t bytes)
    : run_mode_(run_mode), capacity_(bytes) {
  for (Heap& heap : heaps_) {
    heap.file = memfd_create("AscendCL simulator", MFD_CLOEXEC);
    CheckSystemCall(heap.file >= 0, "memfd_create");
    CheckSystemCall(ftruncate(heap.file, static_cast<off_t>(kHeapBytes)) == 0,
                    "ftruncate");
    heap.application = Map(heap.file, kHeapBytes, PROT_NONE);
    heap.simulator = Map(heap.file, kHeapBytes, PROT_READ | PROT_WRITE);
  }
}

bool Memory::HostCanAccess(HeapKind heap) const {
  return run_mode_ == ACL_DEVICE || heap == HeapKind::kHost;
}

// Returns whether blocks of the heap take memory of the device.
bool Memory::Counts(HeapKind heap) const {
  return run_mode_ == ACL_DEVICE || heap != HeapKind::kHost;
}

void* Memory::Allocate(HeapKind kind, int device, size_t size, Site site) {
  Heap& heap = heaps_[static_cast<size_t>(kind)];
  if (size > kMaxBlock) return nullptr;
  const size_t charged = Counts(kind) ? Charged(size) : 0;
  if (charged > capacity_ - used_[device]) return nullptr;
  const size_t extent = Extent(kind, size);
  if (extent > kHeapBytes - heap.used) Die("too much memory was allocated");

  char* const pages = heap.application + heap.used;
  if (HostCanAccess(kind)) mprotect(pages, extent, PROT_READ | PROT_WRITE);
  const size_t lead = Lead(kind);
  char* const inside = heap.simulator + heap.used;
  std::memset(inside, kGuard, lead);
  std::memset(inside + lead, kPoison, size);
  std::memset(inside + lead + size, kGuard, extent - lead - size);
  heap.blocks[heap.used] = Block{kind, device, pages + lead, size, site};
  heap.used += extent;
  used_[device] += charged;
  peak_ = std::max(peak_, used_[device]);
  return pages + lead;
}

std::string Memory::Free(HeapKind kind, const void* pointer) {
  const std::optional<Block> block = Find(pointer);
  if (!block.has_value()) {
    return "no memory of AscendCL starts here, or it was freed before";
  }
  if (block->address != pointer) {
    return absl::StrCat("the pointer is not the start of the block of ",
                        Describe(block->site));
  }
  if (block->heap != kind) {
    return absl::StrCat("the block of ", Describe(block->site), " is in the ",
                        Name(block->heap), " heap, not in the ", Name(kind),
                        " heap");
  }
  Heap& heap = heaps_[static_cast<size_t>(kind)];
  const size_t lead = Lead(kind);
  const size_t extent = Extent(kind, block->size);
  const size_t offset =
      static_cast<size_t>(block->address - heap.application) - lead;
  const char* const inside = heap.simulator + offset;
  const bool intact = AllGuard(inside, inside + lead) &&
                      AllGuard(inside + lead + block->size, inside + extent);
  if (HostCanAccess(kind)) {
    mprotect(heap.application + offset, extent, PROT_NONE);
  }
  // Returns the pages to the system.
  fallocate(heap.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            static_cast<off_t>(offset), static_cast<off_t>(extent));
  if (Counts(kind)) used_[block->device] -= Charged(block->size);
  heap.blocks.erase(offset);
  if (intact) return "";
  return absl::StrCat("bytes before or after the block of ",
                      Describe(block->site), ", ", block->size,
                      " bytes, were overwritten");
}

const Memory::Heap* Memory::HeapOf(const void* pointer) const {
  const char* const address = static_cast<const char*>(pointer);
  for (const Heap& heap : heaps_) {
    if (address >= heap.application &&
        address < heap.application + kHeapBytes) {
      return &heap;
    }
  }
  return nullptr;
}

std::optional<Block> Memory::Find(const void* pointer) const {
  const Heap* const heap = HeapOf(pointer);
  if (heap == nullptr) return std::nullopt;
  const char* const address = static_cast<const char*>(pointer);
  const auto it = heap->blocks.upper_bound(
      static_cast<size_t>(address - heap->application));
  if (it == heap->blocks.begin()) return std::nullopt;
  const Block& block = std::prev(it)->second;
  const bool inside =
      address >= block.address && address < block.address + block.size;
  return inside ? std::optional<Block>(block) : std::nullopt;
}

char* Memory::View(Side side, const void* pointer, size_t bytes) const {
  if (side == Side::kHost && HeapOf(pointer) == nullptr) {
    return const_cast<char*>(static_cast<const char*>(pointer));
  }
  const std::optional<Block> block = Find(pointer);
  if (!block.has_value()) return nullptr;
  const HeapKind kind = block->heap;
  const bool accessible = side == Side::kHost     ? HostCanAccess(kind)
                          : side == Side::kDevice ? Counts(kind)
                                                  : kind == HeapKind::kDvpp;
  const char* const address = static_cast<const char*>(pointer);
  const char* const end = block->address + block->size;
  if (!accessible || bytes > static_cast<size_t>(end - address)) return nullptr;
  const Heap& heap = heaps_[static_cast<size_t>(kind)];
  return heap.simulator + (address - heap.application);
}

std::vector<Block> Memory::LiveBlocks() const {
  std::vector<Block> blocks;
  for (const Heap& heap : heaps_) {
    for (const auto& [offset, block] : heap.blocks) blocks.push_back(block);
  }
  return blocks;
}

size_t Memory::used(int device) const {
  const auto it = used_.find(device);
  return it == used_.end() ? 0 : it->second;
}

}  // namespace lenet::ascend::sim
