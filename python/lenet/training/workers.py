"""One training by several processes: which share of each batch is whose, and what all agree on.

MindSpore's msrun (//python:train_distributed) starts the processes and tells them by the
environment how to find each other; gradients are averaged by HCCL, NCCL or MindSpore's own
collectives for the CPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from lenet.errors import UserError

# Set by msrun, and by hand for HCCL with a rank table.
_STARTED = ("MS_ROLE", "RANK_TABLE_FILE")


class Workers:
    """The processes of a training, seen from one of them.

    Attributes:
        rank: of this one, from 0.
        size: how many there are.
    """

    def __init__(
        self, rank: int = 0, size: int = 1, total: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        """`total` gives the sum over all workers of a float32 vector; None for one alone."""
        self.rank = rank
        self.size = size
        self._total = total

    @property
    def writes(self) -> bool:
        """Whether this one evaluates, writes files and prints results."""
        return self.rank == 0

    def share(self, order: np.ndarray) -> np.ndarray:
        """Of int [steps, batch of all], the columns of this worker, int [steps, batch / size]."""
        return np.ascontiguousarray(np.split(order, self.size, axis=1)[self.rank])

    def agree(self, losses: np.ndarray, stop: bool) -> tuple[np.ndarray, bool]:
        """What all workers find, each calling this after the same steps.

        Args:
            losses: float32 [steps], means over the share of this worker.
            stop: whether this one wants to stop.

        Returns:
            The means over the whole batches, and whether any wants to stop.
        """
        if self._total is None:
            return losses, stop
        total = self._total(np.append(losses, np.float32(stop)))
        return total[:-1] / self.size, bool(total[-1])

    def wait(self) -> None:
        """Returns when all workers have called it."""
        self.agree(np.zeros(0, np.float32), False)


def started() -> bool:
    """Whether this process is one of several, started by msrun or by hand."""
    return any(variable in os.environ for variable in _STARTED)


def card(device_id: int) -> int:
    """The card of this worker: the one that msrun gave it, counted from `device_id`."""
    return device_id + int(os.environ.get("DEVICE_ID", "0"))


def join() -> Workers:
    """Waits for the other workers; after devices.set_context, before the network is built.

    The scheduler, which msrun starts with the same command, ends within.

    Raises:
        UserError: nobody started the others.
    """
    if not started():
        raise UserError(
            "--distribute: this process is alone; start all workers by "
            "`bazel run //python:train_distributed -- --worker_num=N`"
        )
    import mindspore as ms
    from mindspore import communication, nn, ops

    communication.init()
    size = communication.get_group_size()
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=size
    )

    class Total(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.sum = ops.AllReduce()

        def construct(self, values: ms.Tensor) -> ms.Tensor:
            return self.sum(values)

    total = Total()
    return Workers(
        communication.get_rank(), size, lambda values: total(ms.Tensor(values)).asnumpy()
    )
