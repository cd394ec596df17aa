"""Reads the labels of a data set and the logits that infer310 wrote for it."""

import collections
import contextlib
import csv
import pathlib
import re
from collections.abc import Collection
from typing import TypeVar

import numpy as np

from lenet.data import idx
from lenet.data.idx import NUM_CLASSES
from lenet.errors import UserError

_MANIFEST = "manifest.csv"
_LABELLED = re.compile(r"(.*/)?test_\d+_([0-9])\.\w+", re.IGNORECASE | re.ASCII)
_LABEL_FOLDER = re.compile(r"(.*/)?([0-9])/[^/]+", re.ASCII)
_IMAGE_SUFFIXES = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bin"]
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_RESULT_BYTES = 4 * NUM_CLASSES  # float32
_SUFFIX = ".bin"
_LISTED = 3  # names per message

PathT = TypeVar("PathT", bound=pathlib.PurePath)


def expected_labels(dataset_path: str, data_path: str) -> dict[str, int]:
    """Returns the label of each expected result, by its stem (`test_0_7` for `test_0_7.bin`).

    Args:
        dataset_path: input of infer310: a folder with manifest.csv, a folder of
            `test_{index}_{label}.*` images, or a folder or IDX file of images with the IDX file of
            labels beside it (see idx.find_images); "" for the test set of `data_path`.
        data_path: as for lenet.data.idx.read_split.

    Raises:
        UserError: no such folder or file, no images, no labels.
    """
    if not dataset_path:
        return _numbered(idx.read_split(data_path, "test").labels)
    path = pathlib.Path(dataset_path)
    images = path if path.is_file() else None
    if path.is_dir() and not (path / _MANIFEST).exists():
        images = idx.find_images(path, "test")
    if images:
        return _numbered(idx.read_labels(idx.find_labels(images)))
    if not path.is_dir():
        raise UserError(
            f"--dataset_path: {path} does not exist; expected the input of infer310: a folder of "
            "images or an IDX file"
        )
    manifest = path / _MANIFEST
    labels = _from_manifest(manifest) if manifest.exists() else _from_names(path)
    if not labels:
        raise UserError(
            f"--dataset_path: no images in {path}; expected {_MANIFEST}, or images named "
            "test_{index}_{label}.jpg, as //python:preprocess writes them"
        )
    return labels


def read_results(result_path: str, stems: Collection[str]) -> tuple[np.ndarray, list[str]]:
    """Reads `<stem>.bin` for each of `stems`.

    Returns:
        The logits in the order of the stems, float32 [N, 10], without those that are missing; and
        the missing stems.

    Raises:
        UserError: no such folder; no file, unexpected, short or long files; NaN or infinity. The
            message gives the number of bad files and the first names.
    """
    folder = pathlib.Path(result_path)
    try:
        found = {path.name for path in folder.iterdir() if path.suffix == _SUFFIX}
    except OSError as error:
        raise UserError(
            f"--result_path: cannot read {folder}: {error.strerror}; run //cc:infer310 first"
        ) from error
    names = [stem + _SUFFIX for stem in stems]
    missing = [stem for stem in stems if stem + _SUFFIX not in found]
    if len(missing) == len(names):
        raise_if_missing(result_path, missing, len(names))
    _raise_if_any(
        sorted(found.difference(names)),
        f"results in {folder} belong to no image",
        f"are they of another data set? Expected {len(names)} results for --dataset_path",
    )
    names = [name for name in names if name in found]
    contents = {name: _content(folder / name) for name in names}
    _raise_if_any(
        [f"{name} has {len(c)}" for name, c in contents.items() if len(c) != _RESULT_BYTES],
        f"results in {folder} do not have {_RESULT_BYTES} bytes ({NUM_CLASSES} float32)",
        "run //cc:infer310 again",
    )
    logits = np.frombuffer(b"".join(contents.values()), "<f4").reshape(len(names), NUM_CLASSES)
    finite = np.isfinite(logits).all(axis=1)
    _raise_if_any(
        [name for name, valid in zip(names, finite, strict=True) if not valid],
        f"results in {folder} hold NaN or infinity",
        "is the model broken?",
    )
    return logits, missing


def raise_if_missing(result_path: str, missing: list[str], expected: int) -> None:
    """Raises UserError with the number of missing results and the first names."""
    _raise_if_any(
        [stem + _SUFFIX for stem in missing],
        f"of {expected} results are missing in {result_path}",
        "run //cc:infer310 without --limit, on the images of --dataset_path; it reports images "
        "that it cannot read",
    )


def _numbered(labels: np.ndarray) -> dict[str, int]:
    return {f"test_{index}_{label}": int(label) for index, label in enumerate(labels)}


def _from_manifest(path: pathlib.Path) -> dict[str, int]:
    labels: dict[pathlib.PurePath, int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if header != ["file", "label"]:
                raise UserError(f"{path}: expected the header file,label, found {header}")
            for row in reader:
                if not "".join(row).strip():
                    continue
                name = ",".join(row[:-1])  # names with commas need no quotes
                if not name or row[-1] not in map(str, range(NUM_CLASSES)):
                    raise UserError(
                        f"{path}, line {reader.line_num}: expected a file name and a label from "
                        f"0 to {NUM_CLASSES - 1}, found {','.join(row)!r:.80}"
                    )
                image = pathlib.PurePath(name)
                if image in labels:
                    raise UserError(
                        f"{path}, line {reader.line_num}: {image} again; expected each name once"
                    )
                labels[image] = int(row[-1])
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV file ({error})") from error
    return _by_stem(labels)


def _from_names(folder: pathlib.Path) -> dict[str, int]:
    """Returns the labels by folders named 0 to 9, or by names; the rules of cc/image/dataset.h."""
    images = [path.relative_to(folder) for path in _images(folder)]
    matches = [_LABEL_FOLDER.fullmatch(path.as_posix()) for path in images]
    if not all(matches):
        matches = [_LABELLED.fullmatch(path.as_posix()) for path in images]
    found = zip(images, matches, strict=True)
    return _by_stem({path: int(match[2]) for path, match in found if match})


def _images(folder: pathlib.Path, *, below: bool = False) -> list[pathlib.Path]:
    """Returns the images in a folder, or below it if it has none, as infer310 finds them."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    images = [entry for entry in entries if entry.is_file() and _is_image(entry)]
    if below and not re.fullmatch("[0-9]", folder.name):
        images = [image for image in images if image.suffix.lower() != _SUFFIX]
    if images:
        return images
    folders = [entry for entry in entries if entry.is_dir() and not entry.is_symlink()]
    tests = [entry for entry in folders if entry.name in ("test", "testing")]
    return [image for entry in tests[:1] or folders for image in _images(entry, below=True)]


def _is_image(file: pathlib.Path) -> bool:
    if file.suffix.lower() in _IMAGE_SUFFIXES:
        return True
    with contextlib.suppress(OSError), file.open("rb") as stream:
        return stream.read(8).startswith(_IMAGE_STARTS)
    return False


def _by_stem(labels: dict[PathT, int]) -> dict[str, int]:
    """Returns the labels by the names of the results; see Dataset::stem in cc/image/dataset.h."""
    names = {image: image.as_posix().replace("/", "_") for image in labels}
    stems = {image: name.removesuffix(image.suffix) for image, name in names.items()}
    counts = collections.Counter(stems.values())
    return {
        stems[image] if counts[stems[image]] == 1 else names[image]: label
        for image, label in labels.items()
    }


def _content(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _raise_if_any(bad: list[str], problem: str, advice: str) -> None:
    """Raises UserError with the number of bad files, the first names and the advice."""
    if bad:
        more = ", ..." if len(bad) > _LISTED else ""
        raise UserError(
            f"--result_path: {len(bad)} {problem}: {', '.join(bad[:_LISTED])}{more}; {advice}"
        )
