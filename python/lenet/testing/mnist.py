"""Synthetic data in the formats of MNIST and of infer310's results."""

import pathlib
import struct

import numpy as np

from lenet.data.idx import IMAGE_SIZE, NUM_CLASSES
from lenet.files import AnyPath


def write_idx(folder: AnyPath, train: int = 256, test: int = 64, seed: int = 0) -> str:
    """Writes `folder`/train and `folder`/test as IDX files and returns the path of `folder`.

    Each image shows a bright bar, whose row depends on the label, on noise; a network can learn it.
    """
    generator = np.random.default_rng(seed)
    for split, prefix, count in (("train", "train", train), ("test", "t10k", test)):
        labels = generator.integers(0, NUM_CLASSES, count, dtype=np.uint8)
        images = generator.integers(0, 64, (count, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
        rows = 4 + 2 * labels.astype(int)
        for offset in (0, 1):
            images[np.arange(count), rows + offset, 4:24] = 255
        place = pathlib.Path(folder, split)
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{prefix}-images.idx3-ubyte").write_bytes(images_file(images))
        (place / f"{prefix}-labels.idx1-ubyte").write_bytes(labels_file(labels))
    return str(folder)


def images_file(images: np.ndarray) -> bytes:
    """Returns the IDX file of uint8 [N, H, W]."""
    return struct.pack(">4I", 0x0803, *images.shape) + images.tobytes()


def labels_file(labels: np.ndarray) -> bytes:
    """Returns the IDX file of uint8 [N]."""
    return struct.pack(">2I", 0x0801, *labels.shape) + labels.tobytes()


def write_results(folder: pathlib.Path, labels: np.ndarray, wrong: int) -> None:
    """Writes test_{i}_{label}.bin for each label; the first `wrong` predict another class."""
    folder.mkdir()
    for index, label in enumerate(labels):
        logits = np.zeros(10, "<f4")
        logits[(label + 1) % 10 if index < wrong else label] = 5
        (folder / f"test_{index}_{label}.bin").write_bytes(logits.tobytes())
