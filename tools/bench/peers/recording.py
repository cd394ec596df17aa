"""Times of a training run, written in the form of the metrics.json of //python:train."""

import json
import statistics
import time
from typing import Any

_LOG_STEPS = 100


class Recording:
    """Is told of each step and epoch.

    The first `warm_up` steps, which compile and fill caches, are left out of the times a step;
    the seconds of the first epoch have them.
    """

    def __init__(self, warm_up: int = 20) -> None:
        self._warm_up = warm_up
        self._step_ms: list[float] = []
        self._epochs: list[dict[str, float]] = []
        self._loss_curve: list[tuple[int, int, float]] = []
        self._epoch_steps = 0
        self._epoch_start = self._step_start = 0.0

    def start_epoch(self) -> None:
        self._epoch_steps = 0
        self._epoch_start = self._step_start = time.perf_counter()

    def end_step(self, loss: float) -> None:
        now = time.perf_counter()
        self._step_ms.append((now - self._step_start) * 1e3)
        self._step_start = now
        self._epoch_steps += 1
        if self._epoch_steps == 1 or self._epoch_steps % _LOG_STEPS == 0:
            self._loss_curve.append((len(self._epochs) + 1, self._epoch_steps, loss))

    def end_epoch(self) -> None:
        """Ends a complete epoch."""
        seconds = self._step_start - self._epoch_start
        entry = {"seconds": seconds, "ms_per_step": seconds * 1e3 / self._epoch_steps}
        self._epochs.append(entry)

    def evaluated(self, accuracy: float) -> None:
        """The test accuracy after the epoch that ended last."""
        self._epochs[-1]["accuracy"] = accuracy

    def write(self, path: str, accuracy: float, versions: dict[str, str]) -> None:
        """Writes `path`; `accuracy` is that of the test set at the end."""
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
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
