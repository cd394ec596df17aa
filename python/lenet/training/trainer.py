"""Trainers of the network: MindSpore's operators or the fused kernels, many steps per launch."""

from __future__ import annotations

import dataclasses

import mindspore as ms
import numpy as np
from mindspore import amp, nn, ops

from lenet.data import transform
from lenet.kernels import operators
from lenet.model.lenet5 import LeNet5

# Factor of the gradients until the update, so that float16 does not round them to zero.
_LOSS_SCALE = 1024.0


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """Training images, resized to the network's input size, with their labels.

    Attributes:
        images: uint8 [N, H, W]. They are normalised per batch, which needs a quarter of the memory
            and takes no longer.
        labels: int32 [N].
    """

    images: np.ndarray
    labels: np.ndarray


class Trainer:
    """Trains a network by SGD with momentum on the mean softmax cross-entropy of each batch.

    Attributes:
        cell: all parameters of network and optimizer, which a checkpoint holds.
        steps_per_call: maximum number of steps per call of train().
    """

    cell: nn.Cell
    steps_per_call: int
    _steps: nn.Cell  # called as operators.TrainSteps

    def __init__(self, net: LeNet5, momentum: float, loss_scale: float = 1.0) -> None:
        # train() sets the learning rate.
        self._optimizer = nn.Momentum(net.trainable_params(), 0.0, momentum, loss_scale=loss_scale)
        # On resume, the learning rate and the momentum come from the command line.
        kept = {param.name for param in net.get_parameters()} | {"learning_rate", "momentum"}
        self._state = [p for p in self._optimizer.get_parameters() if p.name not in kept]

    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Executes one step per row of `order` and returns their losses.

        Args:
            order: int32 [steps, batch], indices into the training set; the batch size is the same
                in all calls, steps is at most steps_per_call.
            rates: float32 [steps], the learning rate of each step.

        Returns:
            float32 [steps], the mean loss of each batch before its update.
        """
        count = len(order)
        # Another shape would compile the graph again.
        padded_order = np.zeros((self.steps_per_call, order.shape[1]), np.int32)
        padded_order[:count] = order
        padded_rates = np.zeros(self.steps_per_call, np.float32)
        padded_rates[:count] = rates
        steps = ms.Tensor(np.array([count], np.int32))
        losses = self._steps(ms.Tensor(padded_order), ms.Tensor(padded_rates), steps)
        return losses.asnumpy()[:count]

    def load_state(self, found: dict[str, ms.Parameter]) -> list[str]:
        """Loads the optimizer state from a checkpoint and returns the names that it lacks."""
        missing = []
        for param in self._state:
            value = found.get(param.name)
            if value is None or value.shape != param.shape:
                missing.append(param.name)
            else:
                param.set_data(ms.Tensor(value.asnumpy(), param.dtype))
        return missing


class OperatorTrainer(Trainer):
    """Trainer of MindSpore's operators, for every device; the data set is kept on the device."""

    def __init__(
        self,
        net: LeNet5,
        data: TrainingSet,
        momentum: float,
        *,
        mixed_precision: bool = False,
        sink_size: int = 1,
    ) -> None:
        """Builds the training graph.

        Args:
            net: network to train.
            data: training set.
            momentum: momentum of the optimizer.
            mixed_precision: compute in float16 with float32 weights (O2).
            sink_size: steps per launch.
        """
        scale = _LOSS_SCALE if mixed_precision else 1.0
        super().__init__(net, momentum, scale)
        self.steps_per_call = sink_size
        loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
        self.cell = amp.build_train_network(
            net,
            self._optimizer,
            loss,
            level="O2" if mixed_precision else "O0",
            # O2's default manager returns overflow flags too, which LeNet does not need.
            loss_scale_manager=amp.FixedLossScaleManager(scale, drop_overflow_update=False),
        )
        self.cell.set_train()
        self._steps = _SunkSteps(self.cell, self._optimizer.learning_rate, data, sink_size)
        self._steps.set_train()


class _SunkSteps(nn.Cell):
    """Up to `size` steps per launch, without host synchronisation; called as TrainSteps."""

    def __init__(self, step: nn.Cell, rate: ms.Parameter, data: TrainingSet, size: int) -> None:
        super().__init__(auto_prefix=False)
        self.step = step
        self.rate = rate
        # Parameters stay on the device. Checkpoints hold `step` only, without these.
        self.images = ms.Parameter(ms.Tensor(data.images), name="images", requires_grad=False)
        self.labels = ms.Parameter(ms.Tensor(data.labels), name="labels", requires_grad=False)
        self.size = size
        # Equals transform.normalize() but for the last bit; NPUs multiply faster than they gather.
        self.scale = 1 / (255 * transform.STD)
        self.shift = transform.MEAN / transform.STD

    def construct(self, order: ms.Tensor, rates: ms.Tensor, steps: ms.Tensor) -> ms.Tensor:
        if self.size == 1:  # without the loop, in which backends differ
            return ops.reshape(self._one(order[0], rates[0]), (1,))
        losses = ops.zeros((self.size,), ms.float32)
        index = ops.zeros((1,), ms.int32)
        while index < steps:
            loss = self._one(ops.gather(order, index[0], 0), ops.gather(rates, index[0], 0))
            losses = ops.tensor_scatter_update(
                losses, ops.reshape(index, (1, 1)), ops.reshape(loss, (1,))
            )
            index = index + 1
        return losses

    def _one(self, chosen: ms.Tensor, rate: ms.Tensor) -> ms.Tensor:
        pixels = ops.cast(ops.gather(self.images, chosen, 0), ms.float32)
        images = ops.expand_dims(pixels * self.scale - self.shift, 1)
        ops.assign(self.rate, rate)
        return self.step(images, ops.gather(self.labels, chosen, 0))


class FusedTrainer(Trainer):
    """Trainer of the fused kernels, for CPU and GPU; its checkpoints equal OperatorTrainer's."""

    def __init__(
        self,
        net: LeNet5,
        data: TrainingSet,
        momentum: float,
        threads: int,
        *,
        on_gpu: bool = False,
    ) -> None:
        super().__init__(net, momentum)
        self.cell = _State(net, self._optimizer)
        self._steps = operators.TrainSteps(
            self._optimizer, data.images, data.labels, transform.NORMALIZED, threads, on_gpu=on_gpu
        )
        self.steps_per_call = self._steps.size

    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Executes the steps; see Trainer.train."""
        losses = super().train(order, rates)
        self._optimizer.learning_rate.set_data(ms.Tensor(rates[-1]))
        return losses


class _State(nn.Cell):
    """Parameters of network and optimizer, named as amp.build_train_network names them."""

    def __init__(self, network: LeNet5, optimizer: nn.Momentum) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
