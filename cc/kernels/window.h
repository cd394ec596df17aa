#ifndef CC_KERNELS_WINDOW_H_
#define CC_KERNELS_WINDOW_H_

#include <cstddef>

namespace lenet::kernels {

// How a convolution or a pool moves over one axis of an image.
struct WindowAxis {
  int in = 1;      // size of the input
  int kernel = 1;  // elements that one output sees
  int stride = 1;
  int dilation = 1;    // step between the elements that one output sees
  int pad_before = 0;  // elements that are assumed before the first
  int pad_after = 0;

  // From the first to the last element that one output sees.
  int span() const { return (kernel - 1) * dilation + 1; }
  // Size of the output; less than 1 if the padded input has no room.
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
