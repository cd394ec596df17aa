#include "cc/ascend/sim/heaps.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace lenet::ascend::sim {
namespace {

constexpr unsigned char kGuard = 0xFA;
constexpr size_t kGuardBytes = 64;
constexpr size_t kPage = 4096;
constexpr size_t kMinRegion = size_t{64} << 20;

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Bytes before a block in its first page; what follows is aligned as the
// library promises, and not better.
size_t Lead(HeapKind heap) { return heap == HeapKind::kDevice ? 64 : 128; }

// Bytes that a block takes of its region.
size_t Extent(HeapKind heap, size_t size) {
  return RoundUp(Lead(heap) + size + kGuardBytes, kPage);
}

// What the device really sets aside for `size` bytes (aclrtMalloc, manual).
size_t Charged(size_t size) { return (size + 63) / 32 * 32; }

bool AllGuard(const char* begin, const char* end) {
  return std::all_of(begin, end, [](char c) {
    return static_cast<unsigned char>(c) == kGuard;
  });
}

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "AscendCL simulator: %s: %s\n", what,
               std::strerror(errno));
  std::_Exit(66);
}

char* Map(int file, size_t bytes, int rights) {
  void* address =
      mmap(nullptr, bytes, rights, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (address == MAP_FAILED) Die("mmap");
  return static_cast<char*>(address);
}

}  // namespace

const char* Name(HeapKind heap) {
  switch (heap) {
    case HeapKind::kDevice:
      return "device";
    case HeapKind::kHost:
      return "host";
    case HeapKind::kDvpp:
      return "dvpp";
  }
  return "";
}

Heaps::Heaps(aclrtRunMode run_mode, size_t memory)
    : run_mode_(run_mode), memory_(memory) {
  // Twice the memory: blocks take whole pages.
  const size_t bytes = std::max(kMinRegion, RoundUp(2 * memory, kPage));
  for (size_t i = 0; i < kHeapCount; ++i) {
    Region& region = regions_[i];
    region.bytes = bytes;
    region.file = memfd_create(Name(static_cast<HeapKind>(i)), MFD_CLOEXEC);
    if (region.file < 0) Die("memfd_create");
    if (ftruncate(region.file, static_cast<off_t>(bytes)) != 0) {
      Die("ftruncate");
    }
    region.application = Map(region.file, bytes, PROT_NONE);
    region.simulator = Map(region.file, bytes, PROT_READ | PROT_WRITE);
  }
}

Heaps::~Heaps() {
  for (Region& region : regions_) {
    munmap(region.application, region.bytes);
    munmap(region.simulator, region.bytes);
    close(region.file);
  }
}

bool Heaps::Shared(HeapKind heap) const {
  return run_mode_ == ACL_DEVICE || heap == HeapKind::kHost;
}

std::optional<size_t> Heaps::FindRoom(const Region& region,
                                      size_t bytes) const {
  const auto search = [&](size_t begin, size_t end) -> std::optional<size_t> {
    size_t position = begin;
    for (auto it = region.blocks.lower_bound(begin);
         it != region.blocks.end() && it->first < end; ++it) {
      if (it->first - position >= bytes) return position;
      position = it->first + Extent(it->second.heap, it->second.size);
    }
    if (position < end && end - position >= bytes) return position;
    return std::nullopt;
  };
  const std::optional<size_t> ahead = search(region.next, region.bytes);
  return ahead.has_value() ? ahead : search(0, region.next);
}

void* Heaps::Allocate(HeapKind heap, int device, size_t size, Site site) {
  std::lock_guard<std::mutex> lock(mutex_);
  Region& region = regions_[static_cast<size_t>(heap)];
  if (size > region.bytes) return nullptr;
  const bool counts = heap != HeapKind::kHost || run_mode_ == ACL_DEVICE;
  const size_t charged = counts ? Charged(size) : 0;
  if (charged > memory_ - used_[device]) return nullptr;
  const size_t extent = Extent(heap, size);
  const std::optional<size_t> room = FindRoom(region, extent);
  if (!room.has_value()) return nullptr;

  char* const pages = region.application + *room;
  if (Shared(heap) && mprotect(pages, extent, PROT_READ | PROT_WRITE) != 0) {
    return nullptr;
  }
  const size_t lead = Lead(heap);
  char* const inside = region.simulator + *room;
  std::memset(inside, kGuard, lead);
  std::memset(inside + lead, kPoison, size);
  std::memset(inside + lead + size, kGuard, extent - lead - size);

  region.blocks[*room] = Block{heap, device, pages + lead, size, site};
  region.next = *room + extent;
  region.used += size;
  region.peak = std::max(region.peak, region.used);
  used_[device] += charged;
  return pages + lead;
}

Heaps::Misuse Heaps::Free(HeapKind heap, void* pointer) {
  std::lock_guard<std::mutex> lock(mutex_);
  const Block* found = FindLocked(pointer);
  if (found == nullptr) return Misuse::kNotABlock;
  const Block block = *found;
  if (block.address != pointer) return Misuse::kNotTheStart;
  if (block.heap != heap) return Misuse::kOtherHeap;

  Region& region = regions_[static_cast<size_t>(heap)];
  const size_t lead = Lead(heap);
  const size_t extent = Extent(heap, block.size);
  const size_t offset =
      static_cast<size_t>(block.address - region.application) - lead;
  const char* const inside = region.simulator + offset;
  const bool intact = AllGuard(inside, inside + lead) &&
                      AllGuard(inside + lead + block.size, inside + extent);

  // The pages go back to the system; were they used again, they would read as
  // zero, but the application has no right to them any more.
  if (Shared(heap)) mprotect(region.application + offset, extent, PROT_NONE);
  fallocate(region.file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
            static_cast<off_t>(offset), static_cast<off_t>(extent));
  const bool counted = heap != HeapKind::kHost || run_mode_ == ACL_DEVICE;
  if (counted) used_[block.device] -= Charged(block.size);
  region.used -= block.size;
  region.blocks.erase(offset);
  return intact ? Misuse::kNone : Misuse::kOverwritten;
}

const Block* Heaps::FindLocked(const void* pointer) const {
  const char* const address = static_cast<const char*>(pointer);
  for (const Region& region : regions_) {
    if (address < region.application ||
        address >= region.application + region.bytes) {
      continue;
    }
    const size_t offset = static_cast<size_t>(address - region.application);
    auto it = region.blocks.upper_bound(offset);
    if (it == region.blocks.begin()) return nullptr;
    const Block& block = std::prev(it)->second;
    const bool inside =
        address >= block.address && address < block.address + block.size;
    return inside ? &block : nullptr;
  }
  return nullptr;
}

std::optional<Block> Heaps::Find(const void* pointer) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const Block* block = FindLocked(pointer);
  if (block == nullptr) return std::nullopt;
  return *block;
}

bool Heaps::Contains(const void* pointer) const {
  const char* const address = static_cast<const char*>(pointer);
  return std::any_of(regions_.begin(), regions_.end(), [&](const Region& r) {
    return address >= r.application && address < r.application + r.bytes;
  });
}

char* Heaps::View(const Block& block, const void* pointer, size_t bytes) const {
  const char* const address = static_cast<const char*>(pointer);
  const char* const end = block.address + block.size;
  if (bytes > static_cast<size_t>(end - address)) return nullptr;
  const Region& region = regions_[static_cast<size_t>(block.heap)];
  return region.simulator + (address - region.application);
}

char* Heaps::DeviceView(const void* pointer, size_t bytes) const {
  const std::optional<Block> block = Find(pointer);
  if (!block.has_value()) return nullptr;
  if (block->heap == HeapKind::kHost && run_mode_ == ACL_HOST) return nullptr;
  return View(*block, pointer, bytes);
}

char* Heaps::DvppView(const void* pointer, size_t bytes) const {
  const std::optional<Block> block = Find(pointer);
  if (!block.has_value() || block->heap != HeapKind::kDvpp) return nullptr;
  return View(*block, pointer, bytes);
}

char* Heaps::HostView(const void* pointer, size_t bytes) const {
  if (!Contains(pointer)) {
    return const_cast<char*>(static_cast<const char*>(pointer));
  }
  const std::optional<Block> block = Find(pointer);
  if (!block.has_value() || !Shared(block->heap)) return nullptr;
  return View(*block, pointer, bytes);
}

std::vector<Block> Heaps::LiveBlocks() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Block> blocks;
  for (const Region& region : regions_) {
    for (const auto& [offset, block] : region.blocks) blocks.push_back(block);
  }
  std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) {
    return a.site.number < b.site.number;
  });
  return blocks;
}

size_t Heaps::used(int device) const {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto it = used_.find(device);
  return it == used_.end() ? 0 : it->second;
}

size_t Heaps::peak(HeapKind heap) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return regions_[static_cast<size_t>(heap)].peak;
}

}  // namespace lenet::ascend::sim
