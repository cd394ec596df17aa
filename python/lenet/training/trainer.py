"""What trains the network: MindSpore's operators or the fused kernels, many steps a launch."""

from __future__ import annotations

import abc
import dataclasses

import mindspore as ms
import numpy as np
from mindspore import amp, nn, ops

from lenet.data import transform
from lenet.kernels import train_steps
from lenet.model.lenet5 import LeNet5

# Gradients that float16 would round to zero become this many times as large until the update.
_LOSS_SCALE = 1024.0


@dataclasses.dataclass(frozen=True)
class TrainingSet:
    """Of the size of the network's input.

    Attributes:
        images: uint8 [N, H, W]. Normalised batch by batch: a quarter of the memory, and no slower.
        labels: int32 [N].
    """

    images: np.ndarray
    labels: np.ndarray


class Trainer(abc.ABC):
    """Trains a network batch by batch; Momentum, mean of the softmax cross-entropy.

    Attributes:
        cell: all parameters, of the network and of the optimizer; what a checkpoint holds.
        steps_per_call: the most that train() takes.
    """

    cell: nn.Cell
    steps_per_call: int

    def __init__(self, net: LeNet5, momentum: float, loss_scale: float = 1.0) -> None:
        # The learning rate comes with each call of train().
        self._optimizer = nn.Momentum(net.trainable_params(), 0.0, momentum, loss_scale=loss_scale)
        # That and the momentum of a resumed run are those of its command line.
        own = {param.name for param in net.get_parameters()} | {"learning_rate", "momentum"}
        self._state = [p for p in self._optimizer.get_parameters() if p.name not in own]

    @abc.abstractmethod
    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Does one step for each row of `order`.

        Args:
            order: int32 [steps, batch], indices into the training set; the batch is always the
                same, steps at most steps_per_call.
            rates: float32 [steps], the learning rate of each.

        Returns:
            float32 [steps], the mean loss of each batch before its update.
        """

    def load_state(self, found: dict[str, ms.Parameter]) -> list[str]:
        """Takes the state of the optimizer from a checkpoint; names what it does not hold."""
        missing = []
        for param in self._state:
            value = found.get(param.name)
            if value is None or value.shape != param.shape:
                missing.append(param.name)
            else:
                param.set_data(ms.Tensor(value.asnumpy(), param.dtype))
        return missing


class OperatorTrainer(Trainer):
    """By MindSpore's operators, on every device, whose memory holds the data (data sinking)."""

    def __init__(
        self,
        net: LeNet5,
        data: TrainingSet,
        momentum: float,
        *,
        mixed_precision: bool = False,
        sink_size: int = 1,
    ) -> None:
        """Args:
        mixed_precision: float16 but for the weights and their updates (O2).
        sink_size: steps_per_call.
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
            # The one of O2 looks for overflow and gives three results; a LeNet needs no more.
            loss_scale_manager=amp.FixedLossScaleManager(scale, drop_overflow_update=False),
        )
        self.cell.set_train()
        self._steps = _SunkSteps(self.cell, self._optimizer.learning_rate, data, sink_size)
        self._steps.set_train()

    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        return _launch(self._steps, order, rates, self.steps_per_call)


class _SunkSteps(nn.Cell):
    """Up to `size` steps at a launch, without a word to the host.

    Called as TrainSteps, gives the losses as it does.
    """

    def __init__(self, step: nn.Cell, rate: ms.Parameter, data: TrainingSet, size: int) -> None:
        super().__init__(auto_prefix=False)
        self.step = step
        self.rate = rate
        # Parameters stay on the device; `step`, which checkpoints hold, does not have them.
        self.images = ms.Parameter(ms.Tensor(data.images), name="images", requires_grad=False)
        self.labels = ms.Parameter(ms.Tensor(data.labels), name="labels", requires_grad=False)
        self.size = size
        # transform.normalize() but for the last bit: NPUs multiply faster than they look up.
        self.scale = 1 / (255 * transform.STD)
        self.shift = transform.MEAN / transform.STD

    def construct(self, order: ms.Tensor, rates: ms.Tensor, steps: ms.Tensor) -> ms.Tensor:
        if self.size == 1:  # no loop, which is the part that backends differ in
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
    """By cc/kernels, on the CPU, many steps a call. Same parameters, same checkpoints."""

    steps_per_call = train_steps.STEPS_PER_LAUNCH

    def __init__(self, net: LeNet5, data: TrainingSet, momentum: float, threads: int) -> None:
        super().__init__(net, momentum)
        self.cell = _State(net, self._optimizer)
        normalized = transform.normalize(np.arange(256, dtype=np.uint8))
        self._steps = train_steps.TrainSteps(
            self._optimizer, data.images, data.labels, normalized, threads
        )

    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        losses = _launch(self._steps, order, rates, self.steps_per_call)
        self._optimizer.learning_rate.set_data(ms.Tensor(rates[-1]))
        return losses


def _launch(steps: nn.Cell, order: np.ndarray, rates: np.ndarray, size: int) -> np.ndarray:
    """Trainer.train() by a cell that takes exactly `size` steps and how many of them count."""
    count = len(order)
    # Always of one shape: another one would compile the graph again.
    padded_order = np.zeros((size, order.shape[1]), np.int32)
    padded_order[:count] = order
    padded_rates = np.zeros(size, np.float32)
    padded_rates[:count] = rates
    losses = steps(
        ms.Tensor(padded_order), ms.Tensor(padded_rates), ms.Tensor(np.array([count], np.int32))
    )
    return losses.asnumpy()[:count]


class _State(nn.Cell):
    """Holds the parameters of both, under the names that amp.build_train_network gives them."""

    def __init__(self, network: LeNet5, optimizer: nn.Momentum) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
