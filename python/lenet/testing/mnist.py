"""A small data set in the form of MNIST, that a network can learn."""

import os
import pathlib
import struct

import numpy as np

from lenet.data.idx import IMAGE_SIZE, NUM_CLASSES


def write_idx(folder: str | pathlib.Path, train: int = 256, test: int = 64, seed: int = 0) -> str:
    """Writes `folder`/train and `folder`/test as IDX files and returns the path of `folder`.

    An image is a bright bar, whose row tells the label, on noise.
    """
    generator = np.random.default_rng(seed)
    for split, prefix, count in (("train", "train", train), ("test", "t10k", test)):
        labels = generator.integers(0, NUM_CLASSES, count, dtype=np.uint8)
        images = generator.integers(0, 64, (count, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
        rows = 4 + 2 * labels.astype(int)
        for offset in (0, 1):
            images[np.arange(count), rows + offset, 4:24] = 255
        place = os.path.join(folder, split)
        os.makedirs(place, exist_ok=True)
        _write(os.path.join(place, f"{prefix}-images.idx3-ubyte"), images_file(images))
        _write(os.path.join(place, f"{prefix}-labels.idx1-ubyte"), labels_file(labels))
    return str(folder)


def images_file(images: np.ndarray) -> bytes:
    """The IDX file of uint8 [N, H, W]."""
    return struct.pack(">4I", 0x0803, *images.shape) + images.tobytes()


def labels_file(labels: np.ndarray) -> bytes:
    """The IDX file of uint8 [N]."""
    return struct.pack(">2I", 0x0801, *labels.shape) + labels.tobytes()


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
