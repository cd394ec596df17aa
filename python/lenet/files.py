"""Writes files that appear complete or not at all, and hashes files."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from lenet.errors import UserError

AnyPath = str | pathlib.Path

_TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.tmp\..+")


@contextlib.contextmanager
def replacing(path: AnyPath, size: int | None = None) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, which is renamed to `path` at the end.

    On any error, Ctrl-C included, the temporary file is removed and `path` is unchanged. The
    temporary name starts with a dot and the process, and keeps the suffix, by which some writers
    choose the format.

    Raises:
        OSError: names `path`; if the disk is full, also `size`, the bytes of the file, if known.
    """
    target = pathlib.Path(path)
    temporary = target.with_name(f".{os.getpid():08x}.tmp.{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) in ("None", str(temporary)):
            raise OSError(error.errno, _with_size(error, size), str(path)) from error
        raise


def is_temporary(name: str) -> bool:
    """Returns whether `replacing` makes files of this name; a killed process may leave one."""
    return bool(_TEMPORARY.fullmatch(name))


def sha256(path: AnyPath) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with pathlib.Path(path).open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: AnyPath, content: bytes | str) -> None:
    """Writes `content` (text as UTF-8) to `path` in one step; errors as for `write_all`."""
    write_all({path: content})


def write_all(contents: Mapping[AnyPath, bytes | str]) -> None:
    """Writes files by path, text as UTF-8; all of them before any of them gets its name.

    Raises:
        OSError: names the path; if the disk is full, also the size.
    """
    with contextlib.ExitStack() as stack:
        for path, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            stack.enter_context(replacing(path, len(data))).write_bytes(data)


def write_json(path: AnyPath, entries: dict[str, Any]) -> None:
    """Writes `json_text`; errors as for `write_all`."""
    write_atomically(path, json_text(entries) + "\n")


def json_text(value: Any, indent: str = "") -> str:
    """Returns JSON with one line per entry, and per element of a list of rows or objects."""
    if isinstance(value, dict) and value:
        lines = [
            f"{json.dumps(key)}: {json_text(entry, indent + ' ')}" for key, entry in value.items()
        ]
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        lines = [json.dumps(entry) for entry in value]
    else:
        return json.dumps(value)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    separator = f",\n{indent} "
    return f"{opening}\n{indent} {separator.join(lines)}\n{indent}{closing}"


def require_space(folder: AnyPath, size: int) -> None:
    """Checks that files of `size` bytes fit, before a library writes them that fails less clearly.

    Raises:
        OSError: the disk is too full.
    """
    if shutil.disk_usage(folder).free < size:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise OSError(errno.ENOSPC, _with_size(error, size), str(folder))


def _with_size(error: OSError, size: int | None) -> str:
    text = str(error.strerror)
    return f"{text}; {size:,} bytes are needed" if size and _is_full(error) else text


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def make_folder(flag: str, folder: AnyPath) -> pathlib.Path:
    """Creates a folder and its parents, checks that it is writable, and returns its path.

    Removes the temporary files that killed processes left in it.

    Args:
        flag: option that names the folder, for the error message.
        folder: path of the folder.

    Raises:
        UserError: the folder cannot be created or written to.
        OSError: the disk is full.
    """
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        for leftover in filter(lambda found: is_temporary(found.name), path.iterdir()):
            if not pathlib.Path("/proc", str(int(leftover.name[1:9], 16))).exists():
                leftover.unlink(missing_ok=True)
    except OSError as error:
        if _is_full(error):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise UserError(
            f"--{flag}: cannot write to {path}: {error.strerror}; choose a writable folder"
        ) from error
    return path
