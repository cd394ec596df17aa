"""Times an engine over the test set and records its classes."""

import json
import pathlib
import time
from collections.abc import Callable

import numpy as np

from lenet.data import idx, transform

_SIZE = 32  # pixels
_WARM_UP = 200  # calls

Predict = Callable[[np.ndarray], np.ndarray]


def images(batch_size: int) -> np.ndarray:
    """Returns the test set, float32 [calls, batch_size, 1, 32, 32].

    `batch_size` must divide 10,000.
    """
    prepared = transform.prepare(idx.read_split("", "test").images, _SIZE, _SIZE)
    return prepared.reshape(-1, batch_size, *prepared.shape[1:])


def measure(predict: Predict, batches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the time of each call in nanoseconds, and the predicted classes.

    Args:
        predict: maps float32 [N, 1, 32, 32] to logits, float32 [N, 10].
        batches: float32 [calls, N, 1, 32, 32].
    """
    for batch in batches[:_WARM_UP]:
        predict(batch)
    times = np.empty(len(batches))
    logits = []
    for number, batch in enumerate(batches):
        start = time.perf_counter_ns()
        result = predict(batch)
        times[number] = time.perf_counter_ns() - start
        logits.append(np.array(result))
    return times, np.concatenate(logits).argmax(1)


def write(path: str, times: np.ndarray, classes: np.ndarray, versions: dict[str, str]) -> None:
    """Writes the JSON that tools/bench/infer.py reads."""
    result = {
        "p50_us": float(np.percentile(times, 50)) / 1e3,
        "p99_us": float(np.percentile(times, 99)) / 1e3,
        "total_ms": float(times.sum()) / 1e6,
        "classes": classes.tolist(),
        "versions": versions,
    }
    pathlib.Path(path).write_text(json.dumps(result), encoding="utf-8")
