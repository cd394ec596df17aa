"""Results as infer310 writes them."""

import pathlib

import numpy as np


def write(folder: pathlib.Path, labels: np.ndarray, wrong: int) -> None:
    """Makes `folder` with test_{i}_{label}.bin for each label; the first `wrong` are wrong."""
    folder.mkdir()
    for index, label in enumerate(labels):
        logits = np.zeros(10, "<f4")
        logits[(label + 1) % 10 if index < wrong else label] = 5
        (folder / f"test_{index}_{label}.bin").write_bytes(logits.tobytes())
