#ifndef CC_KERNELS_WINDOW_H_
#define CC_KERNELS_WINDOW_H_

#include <cstddef>

namespace lenet::kernels {

// The movement of a convolution or pooling kernel along one axis of an image.
struct WindowAxis {
  int in = 1;      // input size
  int kernel = 1;  // input elements per output
  int stride = 1;
  int dilation = 1;    // distance of the input elements of an output
  int pad_before = 0;  // elements added before the first
  int pad_after = 0;

  // Distance from the first to the last input element of an output, plus one.
  int span() const { return (kernel - 1) * dilation + 1; }
  // Output size; 0 if the kernel does not fit into the padded input.
  int out() const {
    const int room = in + pad_before + pad_after - span();
    return room < 0 ? 0 : room / stride + 1;
  }
};

struct Window {
  WindowAxis height;
  WindowAxis width;

  size_t in_size() const {
    return static_cast<size_t>(height.in) * static_cast<size_t>(width.in);
  }
  size_t out_size() const {
    return static_cast<size_t>(height.out()) * static_cast<size_t>(width.out());
  }
  size_t kernel_size() const {
    return static_cast<size_t>(height.kernel) *
           static_cast<size_t>(width.kernel);
  }
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_WINDOW_H_
