"""Reads data sets that have a picture per image, in a folder per class, such as mnist_png."""

import pathlib

import numpy as np
from PIL import Image

from lenet.errors import UserError

_NAMES = {"train": ("train", "training"), "test": ("test", "testing")}


def read(
    folder: pathlib.Path, split: str, side: int, classes: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads the pictures below training/0, training/1 and so on (or train, test, testing).

    Args:
        folder: folder with these folders, or with a folder that holds them.
        split: "train" or "test".
        side: height and width of each picture.
        classes: number of classes; their folders are named 0 to classes - 1.

    Returns:
        Gray images, uint8 [N, side, side], and labels, uint8 [N], by class and name; None if there
        are no pictures.

    Raises:
        UserError: several data sets, a folder of another class, an unreadable picture, or one of
            another size.
    """
    paths = [
        path
        for name in _NAMES[split]
        for place in ("", "*/")
        for path in sorted(folder.glob(f"{place}{name}/*/*"))
        if path.parent.name.isdecimal() and path.name[0] != "."
    ]
    if not paths:
        return None
    places = sorted({str(path.parents[1]) for path in paths})
    if len(places) > 1:
        raise UserError(f"{folder} holds several data sets ({', '.join(places)}); name one folder")
    labels = [int(path.parent.name) for path in paths]
    if max(labels) >= classes:
        raise UserError(
            f"{paths[labels.index(max(labels))].parent}: expected classes from 0 to {classes - 1}; "
            "remove the folders of other classes"
        )
    images = np.empty((len(paths), side, side), np.uint8)
    for image, path in zip(images, paths, strict=True):
        try:
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("L"))
        except (OSError, Image.DecompressionBombError) as error:
            raise UserError(f"{path}: not a picture ({error}); remove or replace it") from error
        if pixels.shape != image.shape:
            height, width = pixels.shape
            raise UserError(f"{path}: expected {side}x{side} pixels, found {height}x{width}")
        image[:] = pixels
    return images, np.array(labels, np.uint8)
