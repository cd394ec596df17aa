"""What a training run shows while it works: lines in the log, a bar on a terminal."""

import sys
import time

import numpy as np
from absl import logging
from tqdm import tqdm


class Progress:
    """Reports steps and epochs, and keeps the numbers for metrics.json.

    Attributes:
        loss_curve: [epoch, step, loss] of each logged step.
        epochs: a dictionary for each epoch that came to its end.
    """

    def __init__(self, steps_per_epoch: int, last: int, log_steps: int) -> None:
        """`last` is the number of the run's last step, counted through all epochs."""
        self.loss_curve: list[list[int | float]] = []
        self.epochs: list[dict[str, int | float]] = []
        self._steps_per_epoch = steps_per_epoch
        self._last = last
        self._log_steps = log_steps
        self._calls: list[tuple[int, float]] = []  # steps, milliseconds
        self._epoch_losses: list[float] = []
        self._epoch_start = 0.0
        self._call_start = 0.0
        self._bar: tqdm | None = None

    def start_epoch(self, epoch: int, done: int) -> None:
        """`done`: steps of this epoch that an earlier run has done."""
        self._epoch_losses = []
        self._epoch_start = self._call_start = time.perf_counter()
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=self._steps_per_epoch, initial=done, desc=f"epoch {epoch}", leave=False
            )

    def steps(self, done: int, losses: np.ndarray) -> None:
        """A call of the trainer ended with step `done`, counted through all epochs from 1.

        `losses`: float32, of the steps of that call, all of one epoch.
        """
        now = time.perf_counter()
        self._calls.append((len(losses), (now - self._call_start) * 1e3))
        self._call_start = now
        if self._bar is not None:
            self._bar.update(len(losses))
        for number, loss in enumerate(losses.tolist(), start=done - len(losses) + 1):
            self._step(number, loss)

    def end_epoch(self, epoch: int, complete: bool) -> None:
        """Ends an epoch; `complete` is false where the run stops within it."""
        self._close_bar()
        steps = len(self._epoch_losses)
        total_ms = (time.perf_counter() - self._epoch_start) * 1e3
        if not complete or not steps:
            return
        self.epochs.append(
            {
                "epoch": epoch,
                "mean_loss": float(np.mean(self._epoch_losses)),
                "seconds": total_ms / 1e3,
                "ms_per_step": total_ms / steps,
            }
        )
        logging.info("epoch time: %.3f ms, per step time: %.3f ms", total_ms, total_ms / steps)

    def timings(self) -> dict[str, float | int]:
        """Of the steps of this run; the first call, which compiles the graph, stands apart."""
        if not self._calls:
            return {"steps": 0}
        first, *rest = self._calls
        counts, times = np.array(rest or [first]).T
        return {
            "steps": sum(steps for steps, _ in self._calls),
            "first_call_ms": first[1],
            "ms_per_step_median": float(np.median(np.repeat(times / counts, counts.astype(int)))),
            "ms_per_step_mean": float(times.sum() / counts.sum()),
        }

    def close(self) -> None:
        """Leaves the terminal in order, also after an error."""
        self._close_bar()

    def _step(self, done: int, loss: float) -> None:
        self._epoch_losses.append(loss)
        epoch, step = divmod(done - 1, self._steps_per_epoch)
        epoch, step = epoch + 1, step + 1
        ends = step in (1, self._steps_per_epoch) or done == self._last
        if ends or step % self._log_steps == 0:
            self.loss_curve.append([epoch, step, loss])
            # The shortest text for a float32, as the original prints it.
            self._log(f"epoch:{epoch} step:{step}, loss is {np.float32(loss)!s}")

    def _log(self, line: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        logging.info("%s", line)
        if self._bar is not None:
            self._bar.refresh()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
