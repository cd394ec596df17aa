"""The output folder of preprocess, which can continue an interrupted run.

While a set is written, the folder holds a marker file with the settings of the run. A later run
with the same settings continues it. The manifest is written last, then the marker is removed.
"""

import json
import pathlib
import re
from collections.abc import Iterable

from lenet import files
from lenet.errors import UserError

_MANIFEST = "manifest.csv"
_MARKER = ".preprocess_running.json"
_IMAGE = re.compile(r"test_\d+_\d\.(jpg|png|bin)")

Settings = dict[str, str | int]


def prepare(folder: str, settings: Settings, force: bool) -> set[str]:
    """Prepares the folder for images and returns the names of those that it already holds.

    Args:
        folder: path; is created with its parents.
        settings: everything that the content of the images depends on.
        force: remove an earlier set; other files stay.

    Raises:
        UserError: the folder cannot be created, or it is not empty and neither `force` is set nor
            does it hold an interrupted run with the same settings.
    """
    if not folder:
        raise UserError("--output_path: expected a folder, found nothing")
    path = files.make_folder("output_path", folder)
    names = {entry.name for entry in path.iterdir()}
    if _read_marker(path) == settings:
        return {name for name in names if _IMAGE.fullmatch(name)}
    if names and not force:
        raise UserError(
            f"--output_path: {path} {_content(names)}; choose another folder, or --force, which "
            "replaces an earlier set"
        )
    _remove(path, [*filter(_IMAGE.fullmatch, names), _MANIFEST, _MARKER])
    files.write_atomically(path / _MARKER, json.dumps(settings))
    return set()


def complete(folder: str, rows: list[tuple[str, int]]) -> None:
    """Writes the manifest of (file, label), then removes the marker."""
    path = pathlib.Path(folder)
    lines = ["file,label", *(f"{name},{label}" for name, label in rows)]
    files.write_atomically(path / _MANIFEST, "\n".join(lines) + "\n")
    _remove(path, [_MARKER])


def _content(names: set[str]) -> str:
    if _MARKER in names:
        return "holds a part of a set with other settings"
    if _MANIFEST in names:
        return "already holds a set"
    return f"is not empty ({min(names)}, ...)"


def _read_marker(path: pathlib.Path) -> Settings | None:
    try:
        return json.loads((path / _MARKER).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _remove(path: pathlib.Path, names: Iterable[str]) -> None:
    for name in names:
        (path / name).unlink(missing_ok=True)
