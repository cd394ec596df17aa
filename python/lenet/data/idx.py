"""MNIST-like data sets as IDX files, read with every check the format allows.

A data set is a folder like MNIST's `Data`: `train/train-images.idx3-ubyte` and the like, also
spelled `train-images-idx3-ubyte`, plain or with `.gz`; the files may also lie in the folder itself.
Any set of 28x28 gray images in ten classes will do, Fashion-MNIST for one.
"""

import dataclasses
import gzip
import hashlib
import os
import struct
import zlib
from typing import Literal

import numpy as np
from runfiles import Runfiles

from lenet.errors import UserError

IMAGE_SIZE = 28  # pixels, height and width
NUM_CLASSES = 10

SplitName = Literal["train", "test"]

# In the runfiles, which hold files only: under `bazel run` they may be a list instead of a tree.
_BUILD_DATA = {
    "train": "mnist/Data/train/train-images.idx3-ubyte",
    "test": "mnist/Data/test/t10k-images.idx3-ubyte",
}
_PREFIXES = {"train": "train", "test": "t10k"}
_IMAGES_HEADER = struct.Struct(">4I")  # magic, images, height, width
_IMAGES_MAGIC = 0x0803  # bytes in 3 dimensions
_LABELS_HEADER = struct.Struct(">2I")  # magic, labels
_LABELS_MAGIC = 0x0801  # bytes in 1 dimension


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The training or the test part of a data set.

    Attributes:
        images: uint8 [N, 28, 28], 0 is background.
        labels: uint8 [N], 0 to 9.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def sha256(self) -> dict[str, str]:
        """Hashes of the uncompressed IDX files that this came from: {"images": …, "labels": …}."""
        image_header = _IMAGES_HEADER.pack(_IMAGES_MAGIC, *self.images.shape)
        label_header = _LABELS_HEADER.pack(_LABELS_MAGIC, *self.labels.shape)
        return {
            "images": hashlib.sha256(image_header + self.images.tobytes()).hexdigest(),
            "labels": hashlib.sha256(label_header + self.labels.tobytes()).hexdigest(),
        }


def read_split(data_path: str, split: SplitName) -> Split:
    """Reads the images and labels of one split.

    Args:
        data_path: folder with the files, or with `train` and `test` folders that hold them; "" for
            the MNIST that the build fetched.
        split: "train" or "test".

    Raises:
        UserError: no such folder or file, or a file that is not what it should be.
    """
    folder = data_path or _build_data(split)
    if not os.path.isdir(folder):
        problem = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise UserError(f"--data_path: {folder} {problem}; {_advice()}")
    images_path = _find(folder, split, "images", "idx3")
    labels_path = _find(folder, split, "labels", "idx1")
    images = read_images(images_path)
    labels = read_labels(labels_path)
    if len(images) != len(labels):
        raise UserError(
            f"{labels_path}: expected {len(images)} labels, one for each image of {images_path}, "
            f"found {len(labels)}; take both files from the same data set"
        )
    return Split(images, labels)


def read_images(path: str) -> np.ndarray:
    """The images of an IDX file (gzip if it ends in .gz), uint8 [N, 28, 28].

    Raises:
        UserError: unreadable, not an IDX file of images, other than 28x28, empty, cut or too long.
    """
    content = _content(path)
    magic, count, height, width = _header(path, content, _IMAGES_HEADER)
    _check_magic(path, magic, _IMAGES_MAGIC, "images (idx3)")
    if (height, width) != (IMAGE_SIZE, IMAGE_SIZE):
        raise UserError(
            f"{path}: expected images of {IMAGE_SIZE}x{IMAGE_SIZE} pixels, found {height}x{width}"
        )
    pixels = _payload(path, content, _IMAGES_HEADER.size, count, IMAGE_SIZE * IMAGE_SIZE)
    return pixels.reshape(count, IMAGE_SIZE, IMAGE_SIZE)


def read_labels(path: str) -> np.ndarray:
    """The labels of an IDX file (gzip if it ends in .gz), uint8 [N], each 0 to 9.

    Raises:
        UserError: unreadable, not an IDX file of labels, a label above 9, empty, cut or too long.
    """
    content = _content(path)
    magic, count = _header(path, content, _LABELS_HEADER)
    _check_magic(path, magic, _LABELS_MAGIC, "labels (idx1)")
    labels = _payload(path, content, _LABELS_HEADER.size, count, 1)
    wrong = np.flatnonzero(labels >= NUM_CLASSES)
    if len(wrong):
        raise UserError(
            f"{path}: expected labels from 0 to {NUM_CLASSES - 1}, found {labels[wrong[0]]} at "
            f"index {wrong[0]}; the network tells {NUM_CLASSES} classes apart"
        )
    return labels


def _build_data(split: SplitName) -> str:
    runfiles = Runfiles.Create()
    images = runfiles.Rlocation(_BUILD_DATA[split]) if runfiles else None
    if not images or not os.path.isfile(images):
        raise UserError(
            "the MNIST of the build is not here; start the program with `bazel run`, or name a "
            "folder with --data_path"
        )
    return os.path.dirname(images)


def _find(folder: str, split: SplitName, kind: str, rank: str) -> str:
    stem = f"{_PREFIXES[split]}-{kind}"
    names = [f"{stem}{mark}{rank}-ubyte{end}" for end in ("", ".gz") for mark in ".-"]
    for place in (os.path.join(folder, split), folder):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                return path
    raise UserError(
        f"--data_path: neither {folder} nor its folder {split} holds {names[0]} (or "
        f"{', '.join(names[1:])}); {_advice()}"
    )


def _advice() -> str:
    return "leave --data_path out to take the MNIST that the build fetched"


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read()
        return gzip.decompress(content) if path.endswith(".gz") else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:  # BadGzipFile is an OSError
        raise UserError(f"{path}: broken gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _header(path: str, content: bytes, header: struct.Struct) -> tuple[int, ...]:
    if len(content) < header.size:
        raise UserError(
            f"{path}: expected an IDX file, with a header of {header.size} bytes, found "
            f"{len(content)} bytes; fetch it again"
        )
    return header.unpack_from(content)


def _check_magic(path: str, found: int, expected: int, what: str) -> None:
    if found == expected:
        return
    if found >> 16 == 0x1F8B:
        hint = "this is a gzip file, its name must end in .gz"
    elif found in (_IMAGES_MAGIC, _LABELS_MAGIC):
        hint = "are images and labels exchanged?"
    else:
        hint = "this is not such a file"
    raise UserError(
        f"{path}: expected the magic number 0x{expected:08x} of IDX {what}, found 0x{found:08x}; "
        f"{hint}"
    )


def _payload(path: str, content: bytes, offset: int, count: int, item_size: int) -> np.ndarray:
    if count == 0:
        raise UserError(f"{path}: holds no items")
    expected = offset + count * item_size
    if len(content) != expected:
        raise UserError(
            f"{path}: expected {expected} bytes for the {count} items its header tells of, found "
            f"{len(content)}; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=offset)
