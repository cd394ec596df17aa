"""Which results are expected, and the label of each."""

import csv
import os
import re

import numpy as np

from lenet.data import idx
from lenet.errors import UserError

_MANIFEST = "manifest.csv"
_LABELLED = re.compile(r"(test_\d+_(\d))\.(jpg|jpeg|png|bin)", re.IGNORECASE)


def expected_labels(dataset_path: str, data_path: str) -> dict[str, int]:
    """The label of each expected result, by its stem (`test_0_7` for `test_0_7.bin`).

    Args:
        dataset_path: what infer310 read: a folder with manifest.csv, a folder of
            `test_{index}_{label}.*` images, or an IDX file of images with that of the labels
            beside it; "" for the test set of `data_path`.
        data_path: as for lenet.data.idx.read_split.

    Raises:
        UserError: no such folder or file, no images, no labels.
    """
    if not dataset_path:
        return _numbered(idx.read_split(data_path, "test").labels)
    if os.path.isfile(dataset_path):
        return _numbered(idx.read_labels(_labels_beside(dataset_path)))
    if not os.path.isdir(dataset_path):
        raise UserError(
            f"--dataset_path: {dataset_path} does not exist; expected what infer310 read: a "
            "folder of images or an IDX file"
        )
    manifest = os.path.join(dataset_path, _MANIFEST)
    labels = _from_manifest(manifest) if os.path.exists(manifest) else _from_names(dataset_path)
    if not labels:
        raise UserError(
            f"--dataset_path: no images in {dataset_path}; expected {_MANIFEST}, or images named "
            "test_{index}_{label}.jpg, as //python:preprocess writes them"
        )
    return labels


def _numbered(labels: np.ndarray) -> dict[str, int]:
    return {f"test_{index}_{label}": int(label) for index, label in enumerate(labels)}


def _labels_beside(path: str) -> str:
    """The IDX file of labels that belongs to the one of images at `path`."""
    folder, name = os.path.split(path)
    labels_name = name.replace("images", "labels").replace("idx3", "idx1")
    labels_path = os.path.join(folder, labels_name)
    if not os.path.isfile(labels_path):
        raise UserError(f"--dataset_path: {path} has no file of labels; expected {labels_path}")
    return labels_path


def _from_manifest(path: str) -> dict[str, int]:
    labels: dict[str, int] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            if header != ["file", "label"]:
                raise UserError(f"{path}: expected the header file,label, found {header}")
            for row in reader:
                if not _is_entry(row):
                    raise UserError(
                        f"{path}, line {reader.line_num}: expected a file name and a label from "
                        f"0 to {idx.NUM_CLASSES - 1}, found {','.join(row)!r:.80}"
                    )
                stem = os.path.splitext(row[0])[0]
                if stem in labels:
                    raise UserError(
                        f"{path}, line {reader.line_num}: a second file for the result "
                        f"{stem}.bin; expected each name once"
                    )
                labels[stem] = int(row[1])
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a CSV file ({error})") from error
    return labels


def _is_entry(row: list[str]) -> bool:
    return len(row) == 2 and row[0] != "" and row[1] in map(str, range(idx.NUM_CLASSES))


def _from_names(folder: str) -> dict[str, int]:
    matches = (_LABELLED.fullmatch(name) for name in os.listdir(folder))
    return {match[1]: int(match[2]) for match in matches if match}
