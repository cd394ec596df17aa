"""A block of LeNet as one operator: convolution 5x5, ReLU, max-pool 2x2."""

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from lenet.kernels import library

_KERNEL = 5
_POOL = 2


class ConvReluPool(nn.Cell):
    """max_pool(relu(conv(x, weight))), and its gradient, by cc/kernels/conv_relu_pool.h.

    Called with x float32 [N, C, H, W] and weight float32 [O, C, 5, 5]; gives float32 [N, O, h, w].
    The same from run to run and for any number of threads.
    """

    def __init__(self, threads: int) -> None:
        """`threads`: of the CPU; 0 for one a core."""
        super().__init__()
        self._threads = ms.Tensor(np.array([library.threads(threads)], np.int32))
        self._forward = ops.Custom(
            library.function("LenetConvReluPool"),
            out_shape=_forward_shapes,
            out_dtype=(ms.float32, ms.uint8),
            func_type="aot",
            bprop=self._gradient(),
        )

    def construct(self, x: ms.Tensor, weight: ms.Tensor) -> ms.Tensor:
        y, _ = self._forward(x, weight, self._threads)
        return y

    @staticmethod
    def _gradient():
        backward = ops.Custom(
            library.function("LenetConvReluPoolGrad"),
            out_shape=lambda x, weight, *_: (x, weight),
            out_dtype=(ms.float32, ms.float32),
            func_type="aot",
        )

        def bprop(x, weight, threads, out, dout):
            dx, dw = backward(x, weight, out[0], out[1], dout[0], threads)
            return dx, dw, ops.zeros_like(threads)

        return bprop


def _forward_shapes(x: list[int], weight: list[int], _: list[int]) -> tuple[list[int], list[int]]:
    pooled = [(size - _KERNEL + 1) // _POOL for size in x[2:]]
    y = [x[0], weight[0], *pooled]
    return y, y
