"""Records a training run in the format of the metrics.json of //python:train."""

import json
import pathlib
import statistics
import time
from typing import Any

_LOG_STEPS = 100


class Recording:
    """Times and losses of a training run.

    The times per step exclude the first `warm_up` steps, which compile and fill caches; the
    seconds of the first epoch include them.
    """

    def __init__(self, warm_up: int = 20) -> None:
        self._warm_up = warm_up
        self._step_ms: list[float] = []
        self._epochs: list[dict[str, float]] = []
        self._loss_curve: list[dict[str, float]] = []
        self._epoch_steps = 0
        self._epoch_start = self._step_start = 0.0

    def start_epoch(self) -> None:
        """Starts the clock of an epoch."""
        self._epoch_steps = 0
        self._epoch_start = self._step_start = time.perf_counter()

    def end_step(self, loss: float) -> None:
        """Records the time since the previous step, and every 100th loss."""
        now = time.perf_counter()
        self._step_ms.append((now - self._step_start) * 1e3)
        self._step_start = now
        self._epoch_steps += 1
        if self._epoch_steps == 1 or self._epoch_steps % _LOG_STEPS == 0:
            epoch = len(self._epochs) + 1
            self._loss_curve.append({"epoch": epoch, "step": self._epoch_steps, "loss": loss})

    def end_epoch(self) -> None:
        """Records the time of a complete epoch."""
        seconds = self._step_start - self._epoch_start
        entry = {"seconds": seconds, "ms_per_step": seconds * 1e3 / self._epoch_steps}
        self._epochs.append(entry)

    def evaluated(self, accuracy: float) -> None:
        """Records the test accuracy after the last epoch."""
        self._epochs[-1]["accuracy"] = accuracy

    def write(self, path: str, accuracy: float, versions: dict[str, str]) -> None:
        """Writes the JSON file; `accuracy` is the final test accuracy."""
        warm = self._step_ms[self._warm_up :] or self._step_ms
        result: dict[str, Any] = {
            "accuracy": accuracy,
            "steps": len(self._step_ms),
            "epochs": self._epochs,
            "loss_curve": self._loss_curve,
            "timings": {
                "first_call_ms": self._step_ms[0],
                "ms_per_step_median": statistics.median(warm),
                "ms_per_step_mean": statistics.fmean(warm),
            },
            "versions": versions,
        }
        pathlib.Path(path).write_text(json.dumps(result, indent=1), encoding="utf-8")
