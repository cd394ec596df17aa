"""The state of the output folder: fresh, interrupted or taken.

While a set is being written the folder holds a marker with the settings of the run. A later run
with the same settings goes on where that one stopped; the manifest is written last, then the
marker is removed.
"""

import contextlib
import json
import os
import re

from lenet import files
from lenet.errors import UserError

MANIFEST = "manifest.csv"
_MARKER = ".preprocess_running.json"
_IMAGE = re.compile(r"test_\d+_\d\.(jpg|png|bin)")
_LEFT_OVER = re.compile(r"\.[0-9a-f]+\.tmp\..+")  # of files.replacing, after a power cut

Settings = dict[str, str | int]


def open_for(path: str, settings: Settings, force: bool) -> set[str]:
    """Makes the folder ready for images; returns the names of those already there.

    Args:
        path: of the folder; created with its parents if need be.
        settings: all that decides about the content of the images.
        force: remove an earlier set; files that are not of one stay.

    Raises:
        UserError: it cannot be created, or is not empty, without `force`, and not of an
            interrupted run with the same settings.
    """
    if not path:
        raise UserError("--output_path: expected a folder, found nothing")
    try:
        os.makedirs(path, exist_ok=True)
        names = set(os.listdir(path))
    except OSError as error:
        raise UserError(f"--output_path: cannot write to {path}: {error.strerror}") from error
    if _marker(path) == settings:
        _remove(path, filter(_LEFT_OVER.fullmatch, names))
        return {name for name in names if _IMAGE.fullmatch(name)}
    if names and not force:
        raise UserError(_taken(path, names))
    _remove(path, filter(_is_of_a_set, names))
    try:
        files.write_atomically(os.path.join(path, _MARKER), json.dumps(settings))
    except OSError as error:
        raise UserError(f"--output_path: cannot write to {path}: {error.strerror}") from error
    return set()


def close(path: str, rows: list[tuple[str, int]]) -> None:
    """Completes the set: writes the manifest of (file, label), then removes the marker."""
    lines = ["file,label", *(f"{name},{label}" for name, label in rows)]
    files.write_atomically(os.path.join(path, MANIFEST), "\n".join(lines) + "\n")
    _remove(path, [_MARKER])


def _is_of_a_set(name: str) -> bool:
    if name in (MANIFEST, _MARKER):
        return True
    return bool(_IMAGE.fullmatch(name) or _LEFT_OVER.fullmatch(name))


def _taken(path: str, names: set[str]) -> str:
    if _MARKER in names:
        what = "holds a part of a set that was begun with other settings"
    elif MANIFEST in names:
        what = "holds a set already"
    else:
        what = f"is not empty ({min(names)}, …)"
    return (
        f"--output_path: {path} {what}; choose another folder, or --force, which replaces an "
        "earlier set"
    )


def _marker(path: str) -> Settings | None:
    try:
        with open(os.path.join(path, _MARKER), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _remove(path: str, names) -> None:
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(path, name))
