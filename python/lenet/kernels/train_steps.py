"""Several training steps of LeNet-5 as one operator."""

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from lenet.kernels import library

# Launching a graph costs MindSpore about a millisecond here, as much as three steps.
STEPS_PER_LAUNCH = 125


class TrainSteps(nn.Cell):
    """Trains the parameters of a network by cc/kernels/lenet_train.h.

    Called with the indices of the images, int32 [STEPS_PER_LAUNCH, batch], the learning rates,
    float32 [STEPS_PER_LAUNCH], and how many of these steps to do, int32 [1]; gives the mean loss
    before each step, float32 [STEPS_PER_LAUNCH].
    """

    def __init__(
        self,
        optimizer: nn.Momentum,
        images: np.ndarray,
        labels: np.ndarray,
        normalized: np.ndarray,
        threads: int,
    ) -> None:
        """What does not change from call to call.

        Args:
            optimizer: of a LeNet5; holds the parameters, the accumulators and the momentum.
            images: uint8 [N, H, W], of the size of the network's input.
            labels: int32 [N].
            normalized: float32 [256], the input of the network for each pixel.
            threads: of the CPU; 0 for one a core.
        """
        super().__init__()
        self._parameters = optimizer.parameters
        self._moments = optimizer.moments
        self._global_step = optimizer.global_step
        self._data = (
            _constant("images", images),
            _constant("labels", labels),
            _constant("normalized", normalized),
        )
        self._momentum = ms.Tensor(np.array([optimizer.momentum.asnumpy()], np.float32))
        self._threads = ms.Tensor(np.array([library.threads(threads)], np.int32))
        shapes = [list(param.shape) for param in self._parameters]
        self._count = len(shapes)
        self._train = ops.Custom(
            library.function("LenetTrainSteps"),
            out_shape=([STEPS_PER_LAUNCH], *shapes, *shapes),
            out_dtype=(ms.float32,) * (1 + 2 * self._count),
            func_type="aot",
        )

    def construct(self, order: ms.Tensor, rates: ms.Tensor, steps: ms.Tensor) -> ms.Tensor:
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


def _constant(name: str, value: np.ndarray) -> ms.Parameter:
    """A parameter stays on the device; a tensor would be an input of each call."""
    return ms.Parameter(ms.Tensor(value), name=name, requires_grad=False)
