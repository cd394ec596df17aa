"""What trains the network: MindSpore's operators step by step, or the fused kernels."""

from __future__ import annotations

import abc
import dataclasses

import mindspore as ms
import numpy as np
from mindspore import amp, nn

from lenet.data import transform
from lenet.kernels import train_steps
from lenet.model.lenet5 import LeNet5


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

    def __init__(self, net: LeNet5, momentum: float) -> None:
        # The learning rate comes with each call of train().
        self._optimizer = nn.Momentum(net.trainable_params(), 0.0, momentum)
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
    """By MindSpore's operators, on every device, a step a call."""

    steps_per_call = 1

    def __init__(self, net: LeNet5, data: TrainingSet, momentum: float, device_target: str) -> None:
        super().__init__(net, momentum)
        self._rate = 0.0
        self._data = data
        loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
        level = "O2" if device_target == "Ascend" else "O0"
        self.cell = amp.build_train_network(net, self._optimizer, loss, level=level)
        self.cell.set_train()

    def train(self, order: np.ndarray, rates: np.ndarray) -> np.ndarray:
        losses = np.empty(len(order), np.float32)
        for step, (chosen, rate) in enumerate(zip(order, rates, strict=True)):
            self._set_rate(rate)
            images = transform.normalize(self._data.images[chosen])[:, np.newaxis]
            labels = self._data.labels[chosen]
            losses[step] = self.cell(ms.Tensor(images), ms.Tensor(labels)).asnumpy()
        return losses

    def _set_rate(self, rate: np.float32) -> None:
        if rate != self._rate:
            self._optimizer.learning_rate.set_data(ms.Tensor(rate))
            self._rate = rate


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
        steps = len(order)
        # Always of one shape: another one would compile the graph again.
        padded_order = np.zeros((self.steps_per_call, order.shape[1]), np.int32)
        padded_order[:steps] = order
        padded_rates = np.zeros(self.steps_per_call, np.float32)
        padded_rates[:steps] = rates
        losses = self._steps(
            ms.Tensor(padded_order), ms.Tensor(padded_rates), ms.Tensor(np.array([steps], np.int32))
        )
        self._optimizer.learning_rate.set_data(ms.Tensor(rates[-1]))
        return losses.asnumpy()[:steps]


class _State(nn.Cell):
    """Holds the parameters of both, under the names that amp.build_train_network gives them."""

    def __init__(self, network: LeNet5, optimizer: nn.Momentum) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
