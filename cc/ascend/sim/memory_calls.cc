// The part of Call that hands memory out and takes it back.

#include "cc/ascend/sim/call.h"

namespace lenet::ascend::sim {
namespace {

// "call #12 (aclrtMalloc)"
std::string Describe(Site site) {
  return absl::StrCat("call #", site.number, " (", Name(site.function), ")");
}

}  // namespace

aclError Call::Allocate(HeapKind heap, void** pointer, size_t size) {
  if (pointer == nullptr) {
    return Result(ACL_ERROR_INVALID_PARAM, "the result's address is null");
  }
  *pointer = nullptr;
  if (size == 0) return Result(ACL_ERROR_INVALID_PARAM, "the size is 0");
  *pointer = heaps().Allocate(heap, device(), size, site());
  if (*pointer != nullptr) return Result(ACL_SUCCESS);
  return Result(ACL_ERROR_RT_MEMORY_ALLOCATION,
                absl::StrCat("no room for ", size, " bytes"));
}

aclError Call::Free(HeapKind heap, void* pointer) {
  if (pointer == nullptr) {
    return Result(ACL_ERROR_INVALID_PARAM, "the pointer is null");
  }
  const auto misuse = [&](std::string text) {
    return Violation(ViolationKind::kOwnership, ACL_ERROR_RT_PARAM_INVALID,
                     std::move(text));
  };
  const std::optional<Block> block = heaps().Find(pointer);
  if (block.has_value()) {
    const std::optional<Site> user = state_->User(*block);
    if (user.has_value() && !device_hangs()) {
      Violation(ViolationKind::kOwnership, 0,
                absl::StrCat("memory is freed while the work of ",
                             Describe(*user), " waits that uses it"));
    }
  }
  switch (heaps().Free(heap, pointer)) {
    case Heaps::Misuse::kNone:
      return Result(ACL_SUCCESS);
    case Heaps::Misuse::kNotABlock:
      return misuse(
          "no memory of AscendCL starts here, or it was freed before");
    case Heaps::Misuse::kNotTheStart:
      return misuse(
          absl::StrCat("the pointer is not the start of the block of ",
                       Describe(block->site)));
    case Heaps::Misuse::kOtherHeap:
      return misuse(absl::StrCat("the block is of the ", Name(block->heap),
                                 " heap, from ", Describe(block->site),
                                 ", and not of the ", Name(heap), " heap"));
    case Heaps::Misuse::kOverwritten:
      Violation(
          ViolationKind::kOwnership, 0,
          absl::StrCat("somebody wrote before or behind the block of ",
                       Describe(block->site), ", ", block->size, " bytes"));
      return Result(ACL_SUCCESS);
  }
  return Result(ACL_SUCCESS);
}

}  // namespace lenet::ascend::sim
