"""Trainers of the network: MindSpore's operators or the fused kernels, many steps per launch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import mindspore as ms
import numpy as np
from absl import logging
from mindspore import amp, nn

from lenet.data import transform
from lenet.kernels import operators
from lenet.model.lenet5 import LeNet5
from lenet.training.schedule import Schedule

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


# Called after each launch with its number of steps and the losses that are known, float32: of every
# step, or of the last one only. Returns whether to stop.
Report = Callable[[int, np.ndarray], bool]


class Trainer:
    """Trains a network by SGD with momentum on the mean softmax cross-entropy of each batch.

    Attributes:
        cell: all parameters of network and optimizer, which a checkpoint holds.
    """

    cell: nn.Cell

    def __init__(self, optimizer: nn.Momentum) -> None:
        self._optimizer = optimizer
        # On resume, the learning rate and the momentum come from the command line.
        known = {param.name for param in optimizer.parameters} | {"learning_rate", "momentum"}
        self._state = [p for p in optimizer.get_parameters() if p.name not in known]

    def train(self, schedule: Schedule, first: int, report: Report) -> None:
        """Executes the steps of `schedule` after the first `first` ones, until `report` stops it.

        Launches end at the end of each epoch and at the step of each checkpoint.
        """
        raise NotImplementedError

    def load_state(self, found: dict[str, ms.Tensor]) -> list[str]:
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
    """Trainer of MindSpore's operators by Model.train, for every device.

    A GPU or NPU executes several steps per launch, for which MindSpore sinks the data set to the
    device; the loss of the last one is known. MindSpore's CPU backend has no such mode.
    """

    def __init__(
        self,
        net: LeNet5,
        data: TrainingSet,
        rates: np.ndarray,
        momentum: float,
        *,
        mixed_precision: bool = False,
        sink_size: int = 1,
    ) -> None:
        """Prepares the training.

        Args:
            net: network to train.
            data: training set.
            rates: float32 [steps], the learning rate of each step of the whole run.
            momentum: momentum of the optimizer.
            mixed_precision: compute in float16 with float32 weights (O2).
            sink_size: maximum number of steps per launch.
        """
        scale = _LOSS_SCALE if mixed_precision else 1.0
        rate = ms.Tensor(rates)
        super().__init__(nn.Momentum(net.trainable_params(), rate, momentum, loss_scale=scale))
        self._data = data
        self._sink_size = sink_size
        self._model = ms.Model(
            net,
            nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean"),
            self._optimizer,
            amp_level="O2" if mixed_precision else "O0",
            # O2's default manager returns overflow flags too, which LeNet does not need.
            loss_scale_manager=amp.FixedLossScaleManager(scale, drop_overflow_update=False),
        )
        self.cell = self._model.train_network

    def train(self, schedule: Schedule, first: int, report: Report) -> None:
        """Executes the steps; see Trainer.train."""
        sinks = ms.get_context("device_target") != "CPU"
        size = schedule.launch_size(first, self._sink_size)
        if sinks and size < self._sink_size:
            logging.info(
                "--sink_size=%d: steps per launch: %d, to end launches with epochs and checkpoints",
                *(self._sink_size, size),
            )
        # The optimizer takes the learning rate of this step.
        self._optimizer.global_step.set_data(ms.Tensor([first], ms.int32))
        ms.dataset.config.set_prefetch_size(2)
        batches = ms.dataset.GeneratorDataset(
            _Batches(self._data, schedule, first), ["image", "label"], shuffle=False
        )
        losses: list[float] = []

        def end_step(context: ms.train.RunContext) -> None:  # called per launch with a sink
            losses.append(context.original_args()["net_outputs"].asnumpy().item())
            if sinks or len(losses) == size:
                if report(size, np.array(losses, np.float32)):
                    context.request_stop()
                losses.clear()

        # With a sink, MindSpore's "epoch" is one launch.
        self._model.train(
            (schedule.last - first) // size if sinks else 1,
            batches,
            ms.train.LambdaCallback(on_train_step_end=end_step),
            dataset_sink_mode=sinks,
            sink_size=size,
        )


class _Batches:
    """The batches of this worker: float32 [batch, 1, H, W] and int32 [batch] by step."""

    def __init__(self, data: TrainingSet, schedule: Schedule, first: int) -> None:
        self._data = data
        self._schedule = schedule
        self._first = first

    def __len__(self) -> int:
        return self._schedule.last - self._first

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self._schedule.order(self._first + int(index), 1)[0]
        images = transform.normalize(self._data.images[chosen])
        return images[:, np.newaxis], self._data.labels[chosen]


class FusedTrainer(Trainer):
    """Trainer of the fused kernels, for CPU and GPU; its checkpoints equal OperatorTrainer's."""

    def __init__(
        self,
        net: LeNet5,
        data: TrainingSet,
        momentum: float,
        threads: int,
        *,
        size: int = operators.STEPS_PER_LAUNCH,
        on_gpu: bool = False,
    ) -> None:
        """Builds the training graph; see operators.TrainSteps for the arguments."""
        # Each launch has its own learning rates.
        super().__init__(nn.Momentum(net.trainable_params(), 0.0, momentum))
        self.cell = _State(net, self._optimizer)
        self._steps = operators.TrainSteps(
            self._optimizer,
            data.images,
            data.labels,
            transform.NORMALIZED,
            threads,
            size=size,
            on_gpu=on_gpu,
        )

    def train(self, schedule: Schedule, first: int, report: Report) -> None:
        """Executes the steps; see Trainer.train."""
        size = self._steps.size
        while first < schedule.last:
            count = min(schedule.steps_to_pause(first), size)
            order = schedule.order(first, count)
            # Another shape would compile the graph again.
            padded_order = np.zeros((size, order.shape[1]), np.int32)
            padded_order[:count] = order
            padded_rates = np.zeros(size, np.float32)
            padded_rates[:count] = schedule.rates(first, count)
            steps = ms.Tensor(np.array([count], np.int32))
            losses = self._steps(ms.Tensor(padded_order), ms.Tensor(padded_rates), steps)
            first += count
            if report(count, losses.asnumpy()[:count]):
                break


class _State(nn.Cell):
    """Parameters of network and optimizer, named as amp.build_train_network names them."""

    def __init__(self, network: LeNet5, optimizer: nn.Momentum) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.optimizer = optimizer
