"""MindSpore operators that cc/kernels/custom_ops.cc and cc/gpu/gpu_ops.cc implement.

MindSpore runs all of them on the CPU; the operator of cc/gpu itself uses the card that lenet.gpu
has opened. Results are the same from run to run and for any number of threads.
"""

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from lenet import devices, resources
from lenet.errors import DeviceUnavailableError

# Launching a MindSpore graph takes about a millisecond, as long as three steps on the CPU and a
# hundred on a GPU.
STEPS_PER_LAUNCH = 125
STEPS_PER_GPU_LAUNCH = 2000

_KERNEL = 5
_POOL = 2


class ConvReluPool(nn.Cell):
    """A convolution block of LeNet, max_pool(relu(conv(x, weight))), and its gradient.

    Input: x float32 [N, C, H, W], weight float32 [O, C, 5, 5].
    Output: float32 [N, O, (H - 4) / 2, (W - 4) / 2].
    """

    def __init__(self, threads: int) -> None:
        """`threads`: CPU threads; 0: one per core."""
        super().__init__()
        self._threads = _int32(devices.cpu_threads(threads))
        self._forward = _operator(
            "LenetConvReluPool", _forward_shapes, (ms.float32, ms.uint8), bprop=self._gradient()
        )

    def construct(self, x: ms.Tensor, weight: ms.Tensor) -> ms.Tensor:
        """Returns the output of the block."""
        y, _ = self._forward(x, weight, self._threads)
        return y

    @staticmethod
    def _gradient() -> Callable[..., Any]:
        backward = _operator(
            "LenetConvReluPoolGrad", lambda x, weight, *_: (x, weight), (ms.float32, ms.float32)
        )

        # MindSpore compiles this function and rejects annotations in it.
        def bprop(x, weight, threads, out, dout):  # noqa: ANN001, ANN202
            dx, dw = backward(x, weight, out[0], out[1], dout[0], threads)
            return dx, dw, ops.zeros_like(threads)

        return bprop


class TrainSteps(nn.Cell):
    """Training steps of LeNet-5 (cc/kernels/lenet_train.h).

    Input: image indices int32 [size, batch], learning rates float32 [size] and the number of these
    steps to execute, int32 [1].
    Output: mean loss before each step, float32 [size].

    Attributes:
        size: maximum number of steps per launch.
    """

    def __init__(
        self,
        optimizer: nn.Momentum,
        images: np.ndarray,
        labels: np.ndarray,
        normalized: np.ndarray,
        threads: int,
        *,
        size: int = STEPS_PER_LAUNCH,
        on_gpu: bool = False,
    ) -> None:
        """Keeps the training set on the device.

        Args:
            optimizer: holds the parameters of the LeNet5, the accumulators and the momentum.
            images: uint8 [N, H, W], in the size of the network's input.
            labels: int32 [N].
            normalized: float32 [256], the network's input for each pixel value.
            threads: CPU threads; 0: one per core.
            size: maximum number of steps per launch.
            on_gpu: run on the card that lenet.gpu has opened.
        """
        super().__init__()
        self.size = size
        self._parameters = optimizer.parameters
        self._moments = optimizer.moments
        self._global_step = optimizer.global_step
        # A parameter stays on the device; a tensor would be copied at each launch.
        self._data = tuple(
            ms.Parameter(ms.Tensor(value), name=name, requires_grad=False)
            for name, value in (("images", images), ("labels", labels), ("normalized", normalized))
        )
        self._momentum = ms.Tensor(np.array([optimizer.momentum.asnumpy()], np.float32))
        self._threads = _int32(devices.cpu_threads(threads))
        shapes = [list(param.shape) for param in self._parameters]
        self._count = len(shapes)
        self._train = _operator(
            "LenetGpuTrainSteps" if on_gpu else "LenetTrainSteps",
            ([size], *shapes, *shapes),
            (ms.float32,) * (1 + 2 * self._count),
            library=resources.GPU_KERNELS if on_gpu else resources.KERNELS,
        )

    def construct(self, order: ms.Tensor, rates: ms.Tensor, steps: ms.Tensor) -> ms.Tensor:
        """Executes the steps and updates parameters, moments and the global step."""
        results = self._train(
            *self._data,
            order,
            rates,
            steps,
            self._momentum,
            self._threads,
            *self._parameters,
            *self._moments,
        )
        losses = ops.depend(results[0], ops.assign_add(self._global_step, steps))
        for i in range(self._count):
            losses = ops.depend(losses, ops.assign(self._parameters[i], results[1 + i]))
            moment = ops.assign(self._moments[i], results[1 + self._count + i])
            losses = ops.depend(losses, moment)
        return losses


def _operator(
    name: str, out_shape: Any, out_dtype: Any, library: str = resources.KERNELS, **kwargs: Any
) -> ops.Custom:
    """Returns an operator of a kernel library.

    Raises:
        DeviceUnavailableError: the library has not been built.
    """
    path = resources.find(library)
    if path is None:
        raise DeviceUnavailableError(
            f"the fused kernels are missing ({library}); {resources.KERNELS_REMEDY}, or use "
            "--fused_kernels=false"
        )
    return ops.Custom(
        f"{path}:{name}", out_shape=out_shape, out_dtype=out_dtype, func_type="aot", **kwargs
    )


def _int32(value: int) -> ms.Tensor:
    return ms.Tensor(np.array([value], np.int32))


def _forward_shapes(x: list[int], weight: list[int], _: list[int]) -> tuple[list[int], list[int]]:
    pooled = [(size - _KERNEL + 1) // _POOL for size in x[2:]]
    y = [x[0], weight[0], *pooled]
    return y, y
