#ifndef CC_KERNELS_FMA_PEAK_H_
#define CC_KERNELS_FMA_PEAK_H_

namespace lenet::kernels {

// Float32 operations that the calling core does in a second if it does nothing
// but multiply and add in registers (two operations each), with the vectors
// that the kernels use: what a kernel's speed is a share of. Measured now, in
// some milliseconds.
double MeasureFmaPeak();

}  // namespace lenet::kernels

#endif  // CC_KERNELS_FMA_PEAK_H_
