"""Shows the progress of a training run: lines on stdout, and a progress bar on a terminal."""

import sys
import time
from typing import Any

import numpy as np
from tqdm import tqdm


class Progress:
    """Reports steps and epochs and collects their numbers for metrics.json.

    Attributes:
        loss_curve: "epoch", "step" and "loss" of each logged step.
        epochs: one dictionary per completed epoch.
    """

    def __init__(
        self,
        steps_per_epoch: int,
        last: int,
        log_steps: int,
        timestamps: bool = False,
        summary_dir: str = "",
    ) -> None:
        """Creates a display that stays empty until the first epoch starts.

        Args:
            steps_per_epoch: steps of a complete epoch.
            last: number of the last step of the run, over all epochs.
            log_steps: steps between two lines.
            timestamps: start each line with the time.
            summary_dir: folder for TensorBoard event files; "" for none.
        """
        self.loss_curve: list[dict[str, Any]] = []
        self.epochs: list[dict[str, Any]] = []
        self._steps_per_epoch = steps_per_epoch
        self._last = last
        self._log_steps = log_steps
        self._timestamps = timestamps
        self._writer = None
        if summary_dir:
            import tensorboardX

            self._writer = tensorboardX.SummaryWriter(summary_dir)
        self._launches: list[tuple[int, float]] = []  # steps, milliseconds
        self._epoch_losses: list[float] = []
        self._epoch_steps = 0
        self._epoch_start = 0.0
        self._launch_start = 0.0
        self._bar: tqdm | None = None
        self._postfix: dict[str, str] = {}

    def start_epoch(self, epoch: int, done: int) -> None:
        """Starts an epoch; an earlier run has completed `done` of its steps."""
        self._epoch_losses = []
        self._epoch_steps = 0
        self._epoch_start = self._launch_start = time.perf_counter()
        if self._bar is None and sys.stderr.isatty():
            before = (epoch - 1) * self._steps_per_epoch + done
            self._bar = tqdm(
                total=self._last, initial=before, unit="step", leave=False, dynamic_ncols=True
            )
        if self._bar is not None:
            self._bar.set_description(f"epoch {epoch}/{-(-self._last // self._steps_per_epoch)}")

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
            self._postfix["loss"] = f"{losses[-1]:.4f}"
            self._bar.set_postfix(self._postfix, refresh=False)
            self._bar.update(steps)
        self._epoch_steps += steps
        self._epoch_losses += losses.tolist()
        each = steps // len(losses)
        for number, loss in enumerate(losses.tolist(), start=1):
            self._step(done - steps + number * each, each, loss)

    def end_epoch(self, epoch: int, learning_rate: float) -> None:
        """Ends a complete epoch; `learning_rate` is that of its last step."""
        total_ms = (time.perf_counter() - self._epoch_start) * 1e3
        ms_per_step = total_ms / self._epoch_steps
        self.epochs.append(
            {
                "epoch": epoch,
                "mean_loss": float(np.mean(self._epoch_losses)),
                "learning_rate": learning_rate,
                "seconds": total_ms / 1e3,
                "ms_per_step": ms_per_step,
            }
        )
        self._record("mean_loss", self.epochs[-1]["mean_loss"], epoch * self._steps_per_epoch)
        self._record("learning_rate", learning_rate, epoch * self._steps_per_epoch)
        self.show(f"epoch time: {total_ms:.3f} ms, per step time: {ms_per_step:.3f} ms")

    def evaluated(self, done: int, accuracy: float, seconds: float) -> None:
        """Records the test accuracy after step `done`, measured in `seconds`."""
        self._postfix["accuracy"] = f"{accuracy:.2%}"
        self._record("test_accuracy", accuracy, done)
        if self.epochs and self.epochs[-1]["epoch"] * self._steps_per_epoch == done:
            self.epochs[-1] |= {"accuracy": accuracy, "evaluation_s": seconds}

    def show(self, line: str) -> None:
        """Prints a line above the progress bar."""
        if self._bar is not None:
            self._bar.clear()
        print(
            time.strftime("%Y-%m-%d %H:%M:%S ") if self._timestamps else "",
            line,
            sep="",
            flush=True,
        )
        if self._bar is not None:
            self._bar.refresh()

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
        """Removes the progress bar and completes the event file."""
        if self._writer is not None:
            self._writer.close()
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
        self._record("loss", loss, done)
        self.loss_curve.append({"epoch": epoch, "step": step, "loss": loss})
        # The shortest decimal of a float32, as the original prints it.
        self.show(f"epoch:{epoch} step:{step}, loss is {np.float32(loss)!s}")

    def _record(self, name: str, value: float, done: int) -> None:
        if self._writer is not None:
            self._writer.add_scalar(name, value, done)
