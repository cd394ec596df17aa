"""Reads MNIST-like data sets from IDX files, with every check that the format allows.

A data set is a folder like MNIST's `Data`, with `train/train-images.idx3-ubyte` and so on. Names
are also accepted as `train-images-idx3-ubyte`, with `.gz`, and in the folder itself. Any set of
28x28 gray images in ten classes is valid, such as Fashion-MNIST.
"""

import dataclasses
import gzip
import hashlib
import math
import pathlib
import struct
import zlib
from typing import Literal

import numpy as np

from lenet import resources
from lenet.errors import UserError
from lenet.files import AnyPath

IMAGE_SIZE = 28  # pixels, height and width
NUM_CLASSES = 10

SplitName = Literal["train", "test"]

_PREFIXES = {"train": "train", "test": "t10k"}
# Magic numbers: unsigned bytes (08), then the number of dimensions.
_IMAGES_MAGIC = 0x0803
_LABELS_MAGIC = 0x0801
_ADVICE = (
    "omit --data_path to use the MNIST that the build fetched"
    if resources.UNDER_BAZEL
    else f"`{resources.command('//python/lenet/data:fetch', 'Data')}` fetches MNIST into Data"
)


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
        """Returns the hashes of the uncompressed IDX files, with keys "images" and "labels"."""
        image_header = struct.pack(">4I", _IMAGES_MAGIC, *self.images.shape)
        label_header = struct.pack(">2I", _LABELS_MAGIC, *self.labels.shape)
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
        UserError: no such folder or file, or an invalid file.
    """
    folder = pathlib.Path(data_path) if data_path else _build_data(split)
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"--data_path: {folder} {problem}; {_ADVICE}")
    images_path = _find(folder, split, "images", "idx3")
    labels_path = _find(folder, split, "labels", "idx1")
    images = read_images(images_path)
    labels = read_labels(labels_path)
    if len(images) != len(labels):
        raise UserError(
            f"{labels_path}: expected {len(images)} labels, one for each image of {images_path}, "
            f"found {len(labels)}; use both files from the same data set"
        )
    return Split(images, labels)


def read_images(path: AnyPath) -> np.ndarray:
    """Returns the images of an IDX file (gzip if it ends in .gz), uint8 [N, 28, 28].

    Raises:
        UserError: unreadable, not IDX images, not 28x28, empty, truncated or too long.
    """
    return _read(path, _IMAGES_MAGIC, "images (idx3)", [IMAGE_SIZE, IMAGE_SIZE])


def read_labels(path: AnyPath) -> np.ndarray:
    """Returns the labels of an IDX file (gzip if it ends in .gz), uint8 [N], each 0 to 9.

    Raises:
        UserError: unreadable, not IDX labels, a label above 9, empty, truncated or too long.
    """
    labels = _read(path, _LABELS_MAGIC, "labels (idx1)", [])
    invalid = np.flatnonzero(labels >= NUM_CLASSES)
    if len(invalid):
        raise UserError(
            f"{path}: expected labels from 0 to {NUM_CLASSES - 1}, found {labels[invalid[0]]} at "
            f"index {invalid[0]}; the network has {NUM_CLASSES} classes"
        )
    return labels


def _build_data(split: SplitName) -> pathlib.Path:
    name = f"Data/{split}/{_PREFIXES[split]}-images.idx3-ubyte"
    images = resources.find(name, repository="mnist")
    if images is None:
        raise UserError(f"--data_path is required without Bazel; {_ADVICE}")
    return images.parent


def _find(folder: pathlib.Path, split: SplitName, kind: str, rank: str) -> pathlib.Path:
    stem = f"{_PREFIXES[split]}-{kind}"
    names = [f"{stem}{mark}{rank}-ubyte{suffix}" for suffix in ("", ".gz") for mark in ".-"]
    for place in (folder / split, folder):
        for name in names:
            if (place / name).is_file():
                return place / name
    raise UserError(
        f"--data_path: neither {folder} nor its folder {split} holds {names[0]} (or "
        f"{', '.join(names[1:])}); {_ADVICE}"
    )


def _read(path: AnyPath, magic: int, kind: str, item_shape: list[int]) -> np.ndarray:
    """Returns the array of an IDX file, uint8 [N, *item_shape]."""
    content = _content(pathlib.Path(path))
    header = struct.Struct(f">{2 + len(item_shape)}I")
    if len(content) < header.size:
        raise UserError(
            f"{path}: expected an IDX file with a header of {header.size} bytes, found "
            f"{len(content)} bytes; fetch it again"
        )
    found, count, *shape = header.unpack_from(content)
    if found != magic:
        raise UserError(
            f"{path}: expected the magic number 0x{magic:08x} of IDX {kind}, found 0x{found:08x}; "
            f"{_magic_hint(found)}"
        )
    if shape != item_shape:
        raise UserError(
            f"{path}: expected images of {IMAGE_SIZE}x{IMAGE_SIZE} pixels, found "
            f"{shape[0]}x{shape[1]}"
        )
    if count == 0:
        raise UserError(f"{path}: holds no items")
    expected = header.size + count * math.prod(shape)
    if len(content) != expected:
        raise UserError(
            f"{path}: expected {expected} bytes for the {count} items of its header, found "
            f"{len(content)}; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=header.size).reshape(count, *shape)


def _magic_hint(found: int) -> str:
    if found >> 16 == 0x1F8B:
        return "this is a gzip file, its name must end in .gz"
    if found in (_IMAGES_MAGIC, _LABELS_MAGIC):
        return "are images and labels exchanged?"
    return "this is another kind of file"


def _content(path: pathlib.Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:  # BadGzipFile is an OSError
        raise UserError(f"{path}: broken gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
