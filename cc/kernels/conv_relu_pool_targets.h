#ifndef CC_KERNELS_CONV_RELU_POOL_TARGETS_H_
#define CC_KERNELS_CONV_RELU_POOL_TARGETS_H_

// Before any header of Highway. The register tiles of these kernels are arrays
// of vectors, which SVE's types of unknown size cannot form. Neoverse cores
// have the same peak with NEON.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#endif

#endif  // CC_KERNELS_CONV_RELU_POOL_TARGETS_H_
