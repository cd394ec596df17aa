"""The logits that infer310 wrote."""

import os
from collections.abc import Collection

import numpy as np

from lenet.data.idx import NUM_CLASSES
from lenet.errors import UserError

_BYTES = 4 * NUM_CLASSES  # float32
_ENDING = ".bin"
_SHOWN = 3  # names in a message


def read_results(result_path: str, stems: Collection[str]) -> np.ndarray:
    """Reads `<stem>.bin` for each of `stems`.

    Returns:
        float32 [len(stems), 10], in the order of `stems`.

    Raises:
        UserError: no such folder; missing, unexpected, short or long files; NaN or infinity. The
            message says how many, and names the first few.
    """
    try:
        names = set(os.listdir(result_path))
    except OSError as error:
        raise UserError(
            f"--result_path: cannot read {result_path}: {error.strerror}; run //cc:infer310 first"
        ) from error
    found = {name for name in names if name.endswith(_ENDING)}
    expected = [stem + _ENDING for stem in stems]
    _check_names(result_path, found, expected)
    logits = np.empty((len(expected), NUM_CLASSES), "<f4")
    wrong_size = {}
    for row, name in zip(logits, expected, strict=True):
        content = _content(os.path.join(result_path, name))
        if len(content) == _BYTES:
            row[:] = np.frombuffer(content, "<f4")
        else:
            wrong_size[name] = len(content)
    if wrong_size:
        raise UserError(
            f"--result_path: {len(wrong_size)} of {len(expected)} results in {result_path} do not "
            f"have {_BYTES} bytes ({NUM_CLASSES} float32): "
            + _first([f"{name} has {size}" for name, size in wrong_size.items()])
        )
    _check_finite(result_path, logits, expected)
    return logits


def _check_names(result_path: str, found: set[str], expected: list[str]) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise UserError(
            f"--result_path: {len(missing)} of {len(expected)} results are missing in "
            f"{result_path}: {_first(missing)}; run //cc:infer310 without --limit, on the same "
            "images as --dataset_path"
        )
    extra = sorted(found.difference(expected))
    if extra:
        raise UserError(
            f"--result_path: {len(extra)} results in {result_path} belong to no image: "
            f"{_first(extra)}; are they of another data set? Expected {len(expected)} results "
            "for --dataset_path"
        )


def _check_finite(result_path: str, logits: np.ndarray, expected: list[str]) -> None:
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise UserError(
            f"--result_path: {len(bad)} of {len(expected)} results in {result_path} hold NaN or "
            f"infinity: {_first([expected[index] for index in bad])}; is the model broken?"
        )


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _first(items: list[str]) -> str:
    more = ", …" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
