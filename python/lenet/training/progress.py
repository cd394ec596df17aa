"""Shows the progress of a training run: log lines, and a progress bar on a terminal."""

import sys
import time

import numpy as np
from absl import logging
from tqdm import tqdm


class Progress:
    """Reports steps and epochs and collects their numbers for metrics.json.

    Attributes:
        loss_curve: [epoch, step, loss] of each logged step.
        epochs: one dictionary per completed epoch.
    """

    def __init__(self, steps_per_epoch: int, last: int, log_steps: int) -> None:
        """`last` is the number of the last step of the run, over all epochs."""
        self.loss_curve: list[list[int | float]] = []
        self.epochs: list[dict[str, int | float]] = []
        self._steps_per_epoch = steps_per_epoch
        self._last = last
        self._log_steps = log_steps
        self._launches: list[tuple[int, float]] = []  # steps, milliseconds
        self._epoch_losses: list[float] = []
        self._epoch_steps = 0
        self._epoch_start = 0.0
        self._launch_start = 0.0
        self._bar: tqdm | None = None

    def start_epoch(self, epoch: int, done: int) -> None:
        """Starts an epoch; an earlier run has completed `done` of its steps."""
        self._epoch_losses = []
        self._epoch_steps = 0
        self._epoch_start = self._launch_start = time.perf_counter()
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=self._steps_per_epoch, initial=done, desc=f"epoch {epoch}", leave=False
            )

    def steps(self, done: int, steps: int, losses: np.ndarray) -> None:
        """Records one launch.

        Args:
            done: number of its last step, over all epochs, from 1.
            steps: number of its steps, all in one epoch.
            losses: float32, the loss of every step, or of the last one only.
        """
        now = time.perf_counter()
        self._launches.append((steps, (now - self._launch_start) * 1e3))
        self._launch_start = now
        if self._bar is not None:
            self._bar.update(steps)
        self._epoch_steps += steps
        self._epoch_losses += losses.tolist()
        each = steps // len(losses)
        for number, loss in enumerate(losses.tolist(), start=1):
            self._step(done - steps + number * each, each, loss)

    def end_epoch(self, epoch: int) -> None:
        """Ends a complete epoch."""
        self.close()
        total_ms = (time.perf_counter() - self._epoch_start) * 1e3
        ms_per_step = total_ms / self._epoch_steps
        self.epochs.append(
            {
                "epoch": epoch,
                "mean_loss": float(np.mean(self._epoch_losses)),
                "seconds": total_ms / 1e3,
                "ms_per_step": ms_per_step,
            }
        )
        logging.info("epoch time: %.3f ms, per step time: %.3f ms", total_ms, ms_per_step)

    def timings(self) -> dict[str, float | int]:
        """Returns timings of this run; the first launch, which compiles the graph, is separate."""
        if not self._launches:
            return {"steps": 0}
        first, *rest = self._launches
        counts, times = np.array(rest or [first]).T
        return {
            "steps": sum(steps for steps, _ in self._launches),
            "first_call_ms": first[1],
            "ms_per_step_median": float(np.median(np.repeat(times / counts, counts.astype(int)))),
            "ms_per_step_mean": float(times.sum() / counts.sum()),
        }

    def close(self) -> None:
        """Removes the progress bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _step(self, done: int, steps: int, loss: float) -> None:
        """Logs the last one of `steps` steps, if one of them is to be logged."""
        epoch, step = divmod(done - 1, self._steps_per_epoch)
        epoch, step = epoch + 1, step + 1
        period = self._log_steps
        due = step // period > (step - steps) // period or step in (steps, self._steps_per_epoch)
        if not due and done != self._last:
            return
        self.loss_curve.append([epoch, step, loss])
        if self._bar is not None:
            self._bar.clear()
        # The shortest decimal of a float32, as the original prints it.
        logging.info("epoch:%d step:%d, loss is %s", epoch, step, np.float32(loss))
        if self._bar is not None:
            self._bar.refresh()
