"""Data-parallel workers: the share of each batch per worker, and communication between them.

MindSpore's msrun (//python:train_distributed) starts the processes and sets variables by which
they find each other. HCCL, NCCL or MindSpore's CPU collectives average the gradients.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from lenet import resources
from lenet.errors import UserError

# Set by msrun, or by hand for HCCL with a rank table.
_STARTED = ("MS_ROLE", "RANK_TABLE_FILE")


class Workers:
    """The workers of a training run, as one of them sees them.

    Attributes:
        rank: number of this worker, from 0.
        size: number of workers.
    """

    def __init__(
        self, rank: int = 0, size: int = 1, total: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> None:
        """`total` returns the sum of a float32 vector over all workers; None for one worker."""
        self.rank = rank
        self.size = size
        self._total = total

    @property
    def writes(self) -> bool:
        """Returns whether this worker evaluates, writes files and prints results."""
        return self.rank == 0

    def share(self, order: np.ndarray) -> np.ndarray:
        """Returns this worker's columns of int [steps, batch], int [steps, batch / size]."""
        return np.ascontiguousarray(np.split(order, self.size, axis=1)[self.rank])

    def agree(self, losses: np.ndarray, stop: bool) -> tuple[np.ndarray, bool]:
        """Combines losses and stop requests of all workers; each must call it after each launch.

        Args:
            losses: float32 [steps], means over the share of this worker.
            stop: whether this worker requests to stop.

        Returns:
            The means over the whole batches, and whether any worker requests to stop.
        """
        if self._total is None:
            return losses, stop
        total = self._total(np.append(losses, np.float32(stop)))
        return total[:-1] / self.size, bool(total[-1])


def started() -> bool:
    """Returns whether this process is one of several workers."""
    return any(variable in os.environ for variable in _STARTED)


def card(device_id: int) -> int:
    """Returns the card of this worker: its number from msrun plus `device_id`."""
    return device_id + int(os.environ.get("DEVICE_ID", "0"))


def join() -> Workers:
    """Waits for the other workers. Call it after set_context and before the network is built.

    In msrun's scheduler, which runs the same program, this call ends the process.

    Raises:
        UserError: this process is not one of several workers.
    """
    if not started():
        raise UserError(
            "--distribute: this is the only process; start all workers with "
            f"`{resources.command('//python:train_distributed', '--worker_num=N')}`"
        )
    import mindspore as ms
    from mindspore import communication, nn, ops

    communication.init()
    size = communication.get_group_size()
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=size
    )

    class Total(nn.Cell):
        """Sum over all workers."""

        def __init__(self) -> None:
            super().__init__()
            self.sum = ops.AllReduce()

        def construct(self, values: ms.Tensor) -> ms.Tensor:
            return self.sum(values)

    total = Total()
    return Workers(
        communication.get_rank(), size, lambda values: total(ms.Tensor(values)).asnumpy()
    )
