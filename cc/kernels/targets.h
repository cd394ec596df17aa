#ifndef CC_KERNELS_TARGETS_H_
#define CC_KERNELS_TARGETS_H_

// Included before any header of Highway. Register tiles are arrays of vectors,
// which vector types of unknown size (SVE, RISC-V) cannot form. Neoverse cores
// have the same peak with NEON as with SVE.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS \
  (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#endif

#endif  // CC_KERNELS_TARGETS_H_
