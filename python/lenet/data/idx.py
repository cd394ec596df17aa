"""Reads MNIST-like data sets from IDX files, with every check that the format allows.

A data set is a folder like MNIST's `Data`, with `train/train-images.idx3-ubyte` and so on, or has
one of the layouts in which such sets are published (see find_images). Any set of 28x28 gray images
is valid, such as Fashion-MNIST; the network has ten classes. cc/image/idx.h has the same rules.
"""

import dataclasses
import functools
import gzip
import hashlib
import math
import pathlib
import struct
import zlib
from typing import Literal

import numpy as np
from absl import logging

from lenet import resources
from lenet.data import class_folders
from lenet.errors import UserError
from lenet.files import AnyPath

IMAGE_SIZE = 28  # pixels, height and width
NUM_CLASSES = 10

SplitName = Literal["train", "test"]

_PREFIXES = {"train": "train", "t10k": "test", "test": "test"}
_RANKS = {"images": ["idx3-ubyte"], "labels": ["idx1-ubyte", "idx2-int"]}
# Magic numbers: unsigned bytes (08), then the number of dimensions.
_IMAGES_MAGIC = 0x0803
_LABELS_MAGIC = 0x0801
_QMNIST_MAGIC = 0x0C02  # int32 [N, 8]
_PLACES = ("*", "*/*", "*/*/*")  # searched after the folder of the split
# The same data sets in other formats.
_OTHER_FORMATS = (".npz", ".csv", ".parquet", ".mat", ".pt", ".pkl", ".zip", ".tar", ".xz", ".tgz")
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
        labels: uint8 [N].
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, start: int, end: int) -> "Split":
        """Returns the images with these indices, without a copy."""
        return Split(self.images[start:end], self.labels[start:end])

    def sha256(self) -> dict[str, str]:
        """Returns the hashes of the split as uncompressed IDX files: "images" and "labels"."""
        image_header = struct.pack(">4I", _IMAGES_MAGIC, *self.images.shape)
        label_header = struct.pack(">2I", _LABELS_MAGIC, *self.labels.shape)
        return {
            "images": hashlib.sha256(image_header + self.images.tobytes()).hexdigest(),
            "labels": hashlib.sha256(label_header + self.labels.tobytes()).hexdigest(),
        }


def read_split(data_path: str, split: SplitName, classes: int = NUM_CLASSES) -> Split:
    """Reads the images and labels of one split.

    Args:
        data_path: folder with IDX files (find_images) or with pictures (class_folders); "" for the
            MNIST that the build fetched.
        split: "train" or "test".
        classes: as for read_labels.

    Raises:
        UserError: no such folder or file, or an invalid file.
    """
    folder = pathlib.Path(data_path) if data_path else _build_data(split)
    if not folder.is_dir():
        problem = "is not a folder" if folder.exists() else "does not exist"
        raise UserError(f"--data_path: {folder} {problem}; {_ADVICE}")
    images_path = find_images(folder, split)
    if images_path is None:
        pictures = class_folders.read(folder, split, IMAGE_SIZE, classes)
        if pictures is None:
            raise UserError(f"--data_path: {_missing(folder, split)}; {_ADVICE}")
        _report_layout("a folder of pictures per class", str(folder), False)
        return Split(*pictures)
    labels_path = find_labels(images_path)
    images = read_images(images_path)
    labels = read_labels(labels_path, classes)
    if len(images) != len(labels):
        raise UserError(
            f"{labels_path}: expected {len(images)} labels, one for each image of {images_path}, "
            f"found {len(labels)}; use both files from the same data set"
        )
    turned = _is_transposed(images_path.name, images, labels)
    _report_layout(_layout(images_path, folder), str(folder), turned)
    return Split(np.ascontiguousarray(images.transpose(0, 2, 1)) if turned else images, labels)


def find_images(folder: pathlib.Path, split: SplitName) -> pathlib.Path | None:
    """Returns the IDX file of a split's images, or None.

    Its name ends in `train-images-idx3-ubyte` (t10k or test for the test set; `.idx3`; `.gz`), in
    any case; before that, it may have the name of the set: `emnist-digits-train-images-idx3-ubyte`.
    It is in the folder `split`, in `folder` itself, or up to two folders below, as torchvision
    (MNIST/raw) and Kaggle (a folder per file, of the same name) store it; the first place counts.

    Raises:
        UserError: that place holds several data sets.
    """
    for pattern in (f"{split}/*", *_PLACES):
        sets: dict[tuple[pathlib.Path, str], pathlib.Path] = {}
        for path in sorted(folder.glob(pattern), key=_preference):
            parsed = _parse(path.name, "images")
            if parsed and parsed[1] == split and path.is_file():
                sets.setdefault((path.parent, parsed[0]), path)
        if len(sets) > 1:
            raise UserError(
                f"{folder} holds several data sets ({', '.join(map(str, sets.values()))}); name a "
                "folder that holds one of them"
            )
        if sets:
            return sets.popitem()[1]
    return None


def find_labels(images: pathlib.Path) -> pathlib.Path:
    """Returns the IDX file of the labels of `images`, from the same folder and set.

    Raises:
        UserError: there is none.
    """
    same = images.name.replace("images", "labels").replace("idx3", "idx1")
    beside = images.parent.glob("*")
    if images.parent.name == images.name:  # a folder per file
        beside = images.parent.parent.glob("*/*")
    parsed = _parse(images.name, "images") or ("", "")
    found = [path for path in beside if _parse(path.name, "labels") == parsed and path.is_file()]
    found.sort(key=lambda path: (path.name != same, _preference(path)))
    if not found:
        raise UserError(
            f"{images} has no file of labels; expected {images.with_name(same)}; fetch both files "
            "of the data set"
        )
    return found[0]


def read_images(path: AnyPath) -> np.ndarray:
    """Returns the images of an IDX file (or of its gzip), uint8 [N, 28, 28].

    Raises:
        UserError: unreadable, not IDX images, not 28x28, empty, truncated or too long.
    """
    return _read(path, _IMAGES_MAGIC, "images (idx3)", [IMAGE_SIZE, IMAGE_SIZE])


def read_labels(path: AnyPath, classes: int = NUM_CLASSES) -> np.ndarray:
    """Returns the labels of an IDX file (or of its gzip), uint8 [N], each below `classes`.

    Raises:
        UserError: unreadable, not IDX labels, another label, empty, truncated or too long.
    """
    labels = _read(path, _LABELS_MAGIC, "labels (idx1)", [])
    invalid = np.flatnonzero(labels >= classes)
    if len(invalid):
        raise UserError(
            f"{path}: expected labels from 0 to {classes - 1}, found {labels[invalid[0]]} at "
            f"index {invalid[0]}; the network has {classes} classes (of EMNIST, take "
            "emnist-digits or emnist-mnist)"
        )
    return labels


def _build_data(split: SplitName) -> pathlib.Path:
    prefix = "train" if split == "train" else "t10k"
    images = resources.find(f"Data/{split}/{prefix}-images.idx3-ubyte", repository="mnist")
    if images is None:
        raise UserError(f"--data_path is required without Bazel; {_ADVICE}")
    return images.parent


def _parse(name: str, kind: str) -> tuple[str, str] | None:
    """Returns (set, split) of the name of a file of images or labels; the set may be ""."""
    if name.startswith(".") or "idx" not in name.lower():  # the dot: written by macOS
        return None
    plain = "-" + name.lower().removesuffix(".gz").replace(".", "-").replace("_", "-")
    for prefix, split in _PREFIXES.items():
        for rank in _RANKS[kind]:
            ending = f"-{prefix}-{kind}-{rank}"
            if plain.endswith(ending):
                return plain.removesuffix(ending)[1:], split
    return None


def _preference(path: pathlib.Path) -> tuple[bool, bool, str]:
    """Sorts plain before .gz, and `.idx3` before `-idx3`."""
    return path.name.lower().endswith(".gz"), ".idx" not in path.name.lower(), str(path)


def _missing(folder: pathlib.Path, split: SplitName) -> str:
    """Describes a folder without a split, and names a file in a format that is not read."""
    for path in (path for pattern in _PLACES for path in sorted(folder.glob(pattern))):
        if path.name.lower().removesuffix(".gz").endswith(_OTHER_FORMATS):
            return f"{path} is not read; take (or unpack) the IDX files of this data set"
    prefix = "train" if split == "train" else "t10k"
    return (
        f"neither {folder}, its folder {split} nor two levels of folders in it hold "
        f"{prefix}-images.idx3-ubyte (or -idx3-ubyte, or with .gz)"
    )


def _is_transposed(name: str, images: np.ndarray, labels: np.ndarray) -> bool:
    """Returns whether rows and columns are exchanged, as in the published files of EMNIST.

    Files named emnist-mnist exist in both forms: in upright images of the digit 1, the ink is in
    few columns.
    """
    parsed = _parse(name, "images")
    if not parsed or not parsed[0].startswith("emnist-"):
        return False
    if parsed[0] != "emnist-mnist":
        return True
    ones = images[labels == 1].sum(axis=0, dtype=np.int64)
    return bool(ones.sum(axis=1).max() > ones.sum(axis=0).max())


def _layout(images: pathlib.Path, folder: pathlib.Path) -> str:
    parsed = _parse(images.name, "images")
    if parsed and parsed[0]:
        return parsed[0]
    if images.parent.name == images.name:
        return "layout of Kaggle"
    if images.parent.name == "raw":
        return "layout of torchvision"
    return "" if images.parent in (folder, folder / "train", folder / "test") else "subfolder"


@functools.cache
def _report_layout(layout: str, folder: str, turned: bool) -> None:
    """Logs a layout other than that of the build, once per folder."""
    if layout:
        turn = "; stored transposed, turned" if turned else ""
        logging.info("data set: %s, %s%s", layout, folder, turn)


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
    start = found.to_bytes(4, "big")
    if found == _QMNIST_MAGIC:
        return (
            "QMNIST's extended labels: 8 columns; take column 0, as a file of labels (idx1-ubyte)"
        )
    if found in (_IMAGES_MAGIC, _LABELS_MAGIC):
        return "are images and labels exchanged?"
    if start[:2] == b"PK" or start == b"\xfd7zX":
        return "this is an archive; unpack it"
    if start[:1] == b"<":
        return "this is a web page, the download failed; fetch it again"
    return "this is another kind of file"


def _content(path: pathlib.Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:  # BadGzipFile is an OSError
        raise UserError(f"{path}: broken gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
