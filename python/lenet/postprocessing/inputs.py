"""Reads the labels of a data set and the logits that infer310 wrote for it."""

import collections
import contextlib
import csv
import io
import math
import pathlib
import re
import statistics
from collections.abc import Iterable, Mapping

import numpy as np
from PIL import Image

from lenet.data import idx
from lenet.errors import UserError

_MANIFEST = "manifest.csv"
_MAX_LABELS = 1000
_LABEL = r"(0|[1-9]\d{0,2})"
_LABELLED = re.compile(rf"(.*/)?test_\d+_{_LABEL}\.\w+", re.IGNORECASE | re.ASCII)
_LABEL_FOLDER = re.compile(rf"(.*/)?{_LABEL}/[^/]+", re.ASCII)
_IMAGE_SUFFIXES = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bin"]
_IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_SUFFIX = ".bin"
_ARRAY = "results.npy"
_ANSWERS = "results.csv"
_ARRAY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f4', 'fortran_order': False, "
    rb"'shape': \((\d{1,18}), (\d{1,18})\), \} *\n",
    re.DOTALL,
)
_LISTED = 3  # names per message


def expected_labels(dataset_path: str, data_path: str) -> dict[str, int]:
    """Returns the label of each image, by its name in results.csv of infer310.

    Args:
        dataset_path: input of infer310: a folder with manifest.csv, a folder of
            `test_{index}_{label}.*` images, or a folder or IDX file of images with the IDX file of
            labels beside it (see idx.find_images); "" for the test set of `data_path`.
        data_path: as for lenet.data.idx.read_split.

    Raises:
        UserError: no such folder or file, no images, no labels.
    """
    if not dataset_path:
        return _numbered(idx.read_split(data_path, "test", _MAX_LABELS).labels)
    path = pathlib.Path(dataset_path)
    images = _idx_file(path)
    if images:
        return _numbered(idx.read_labels(idx.find_labels(images), _MAX_LABELS))
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


def read_pictures(dataset_path: str, data_path: str, names: list[str]) -> list[np.ndarray]:
    """Returns images of the data set, uint8 [H, W], by their names in expected_labels().

    Raises:
        UserError: an image cannot be read.
    """
    path = pathlib.Path(dataset_path)
    images = _idx_file(path) if dataset_path else None
    if dataset_path and images is None:
        return [_picture(path / name) for name in names]
    pixels = idx.read_images(images) if images else idx.read_split(data_path, "test", 256).images
    return [pixels[int(name.split("_")[1])] for name in names]


def _idx_file(path: pathlib.Path) -> pathlib.Path | None:
    """Returns the IDX file of images that a data set consists of, or None."""
    if path.is_dir() and not (path / _MANIFEST).exists():
        return idx.find_images(path, "test")
    return path if path.is_file() else None


def _picture(path: pathlib.Path) -> np.ndarray:
    try:
        if path.suffix.lower() != _SUFFIX:
            return np.asarray(Image.open(path).convert("L"))
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise UserError(f"cannot read {path} ({error})") from error
    side = math.isqrt(len(values))
    scaled = (values - values.min()) * (255 / max(float(np.ptp(values)), 1e-9))
    return scaled[: side * side].reshape(side, side).astype(np.uint8)


def read_results(result_path: str, expected: Mapping[str, int]) -> tuple[np.ndarray, list[str]]:
    """Reads the results of infer310: results.npy and ../results.csv, or a .bin for each image.

    Args:
        result_path: folder with the results.
        expected: the label of each image, see `expected_labels`.

    Returns:
        The logits in the order of `expected`, float32 [N, classes], without those that are missing;
        and the names of the images without a result.

    Raises:
        UserError: no such folder; no results, or in both formats; results of unknown images, files
            of a wrong size; results.csv of another run; NaN or infinity; a label that is no class.
            The message gives the number of bad results and the first names.
    """
    folder = pathlib.Path(result_path)
    try:
        found = sorted(p.name for p in folder.iterdir() if p.suffix == _SUFFIX or p.name == _ARRAY)
    except OSError as error:
        raise UserError(
            f"--result_path: cannot read {folder}: {error.strerror}; run //cc:infer310 first"
        ) from error
    others = [name for name in found if name != _ARRAY]
    if _ARRAY in found and others:
        raise UserError(
            f"--result_path: {folder} holds the results of two runs, {_ARRAY} and {others[0]}; "
            "remove the older ones, or run //cc:infer310 again"
        )
    rows = _read_array(folder) if _ARRAY in found else _read_files(folder, others, expected)
    missing = [image for image in expected if image not in rows]
    if len(missing) == len(expected):
        raise_if_missing(result_path, missing, len(expected))
    _raise_if_any(
        [image for image in rows if image not in expected],
        f"results in {folder} belong to no image",
        f"are they of another data set? Expected {len(expected)} results for --dataset_path",
    )
    images = [image for image in expected if image in rows]
    logits = np.stack([rows[image] for image in images])
    finite = np.isfinite(logits).all(axis=1)
    _raise_if_any(
        [image for image, valid in zip(images, finite, strict=True) if not valid],
        f"results in {folder} hold NaN or infinity",
        "is the model broken?",
    )
    classes = logits.shape[1]
    _raise_if_any(
        [f"{image} is {expected[image]}" for image in images if expected[image] >= classes],
        f"labels are no class of the model: {folder} has {classes} logits per image",
        "give the data set for which the model was trained",
    )
    return logits, missing


def _read_array(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the logits in results.npy by the names in results.csv beside the folder."""
    path, answers = folder / _ARRAY, folder.absolute().parent / _ANSWERS
    content = _content(path)
    header = _ARRAY_HEADER.match(content)
    shape = [int(size) for size in header.groups()] if header else [0, 0]
    if not header or len(content) != header.end() + 4 * shape[0] * shape[1] or 0 in shape:
        raise UserError(
            f"{path}: expected float32 [images, classes] in NumPy's format, found {len(content)} "
            "bytes that are damaged; run //cc:infer310 again"
        )
    logits = np.frombuffer(content, "<f4", offset=header.end()).reshape(shape)
    text = _content(answers).decode(errors="surrogateescape")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise UserError(f"{answers}: not a CSV file ({error})") from error
    # The digits show whether both files are of the same run.
    digits = ["digit", *map(str, logits.argmax(axis=1))]
    if [row[1:2] for row in rows] != [[digit] for digit in digits]:
        raise UserError(
            f"{answers} and {path} are not of the same run: expected {len(logits)} rows "
            "file,digit,probability with the digits of the logits; run //cc:infer310 again"
        )
    return dict(zip((row[0] for row in rows[1:]), logits, strict=True))


def _read_files(
    folder: pathlib.Path, names: list[str], images: Iterable[str]
) -> dict[str, np.ndarray]:
    """Returns the logits in the files `names` by image, or by file if it is of no image."""
    files = {stem + _SUFFIX: image for image, stem in _stems(images).items()}
    contents = {name: _content(folder / name) for name in names}
    sizes = [len(content) for content in contents.values()]
    classes = max(2, statistics.mode(sizes) // 4) if sizes else 0
    _raise_if_any(
        [f"{name} has {len(c)}" for name, c in contents.items() if len(c) != 4 * classes],
        f"results in {folder} do not have {4 * classes} bytes ({classes} float32)",
        "run //cc:infer310 again",
    )
    return {files.get(name, name): np.frombuffer(c, "<f4") for name, c in contents.items()}


def raise_if_missing(result_path: str, missing: list[str], expected: int) -> None:
    """Raises UserError with the number of missing results and the first names."""
    _raise_if_any(
        missing,
        f"of {expected} results are missing in {result_path}",
        "give the --dataset_path that infer310 read (none for the test set), and run it without "
        "--limit; it reports images that it cannot read",
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
                if not name or not re.fullmatch(_LABEL, row[-1], re.ASCII):
                    raise UserError(
                        f"{path}, line {reader.line_num}: expected a file name and a label from "
                        f"0 to {_MAX_LABELS - 1}, found {','.join(row)!r:.80}"
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
    return {image.as_posix(): label for image, label in labels.items()}


def _from_names(folder: pathlib.Path) -> dict[str, int]:
    """Returns the labels by folders of classes, or by names; the rules of cc/image/dataset.h."""
    images = [path.relative_to(folder) for path in _images(folder)]
    matches = [_LABEL_FOLDER.fullmatch(path.as_posix()) for path in images]
    if not all(matches):
        matches = [_LABELLED.fullmatch(path.as_posix()) for path in images]
    found = zip(images, matches, strict=True)
    return {path.as_posix(): int(match[2]) for path, match in found if match}


def _images(folder: pathlib.Path, *, below: bool = False) -> list[pathlib.Path]:
    """Returns the images in a folder, or below it if it has none, as infer310 finds them."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    images = [entry for entry in entries if entry.is_file() and _is_image(entry)]
    if below and not re.fullmatch(_LABEL, folder.name, re.ASCII):
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


def _stems(images: Iterable[str]) -> dict[str, str]:
    """Returns the names of the results without .bin; see Dataset::stem in cc/image/dataset.h."""
    names = {image: image.replace("/", "_") for image in images}
    stems = {
        image: name.removesuffix(pathlib.PurePath(image).suffix) for image, name in names.items()
    }
    counts = collections.Counter(stems.values())
    return {image: stem if counts[stem] == 1 else names[image] for image, stem in stems.items()}


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
