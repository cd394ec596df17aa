"""Two runs of infer310 over the same images, compared; and images for such runs."""

import os

import numpy as np
from PIL import Image

from lenet.board.experiments import DiffersError
from lenet.data import idx, transform

_QUALITY = 95
_NEUTRAL = 128  # of both chroma planes


def compare(expected: str, found: str, classes: str, logits: str) -> str:
    """Compares two result folders: at most so many classes, and logits so far apart.

    Raises:
        DiffersError: more, or other images.
    """
    names = sorted(os.listdir(expected))
    if names != sorted(os.listdir(found)) or not names:
        raise DiffersError(f"{expected} and {found} have results of other images")
    first, second = (
        np.stack([np.fromfile(os.path.join(folder, name), "<f4") for name in names])
        for folder in (expected, found)
    )
    differing = int((first.argmax(1) != second.argmax(1)).sum())
    distance = float(np.abs(first - second).max())
    text = (
        f"{differing} of {len(names)} classes differ, logits by up to {distance:.5f} "
        f"(mean {np.abs(first - second).mean():.5f})"
    )
    if differing > int(classes) or not distance <= float(logits):
        raise DiffersError(f"{text}; expected at most {classes} and {logits}")
    return text


def pictures(folder: str, kind: str, count: str) -> str:
    """Writes test images as JPEGs.

    Args:
        kind: gray (32x32), colour (the same, 420 with neutral chroma) or large (56x56, gray).
    """
    split = idx.read_split("", "test")
    size = 56 if kind == "large" else 32
    os.makedirs(folder)
    images = transform.resize(split.images[: int(count)], size, size)
    for number, (luma, label) in enumerate(zip(images, split.labels, strict=False)):
        image = Image.fromarray(luma)
        if kind == "colour":
            chroma = Image.new("L", image.size, _NEUTRAL)
            image = Image.merge("YCbCr", (image, chroma, chroma))
        path = os.path.join(folder, f"test_{number}_{label}.jpg")
        image.save(path, quality=_QUALITY, subsampling=2 if kind == "colour" else -1)
    return f"{len(images)} images, {kind}, {size}x{size}"
