"""Writes files that appear complete or not at all, and hashes files."""

import contextlib
import errno
import hashlib
import os
import pathlib
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator

from lenet.errors import UserError

AnyPath = str | pathlib.Path

_TEMPORARY = re.compile(r"\.[0-9a-f]{8}\.tmp\..+")


@contextlib.contextmanager
def replacing(path: AnyPath, size: int | None = None) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`, which is renamed to `path` at the end.

    On any error, Ctrl-C included, the temporary file is removed and `path` is unchanged. The
    temporary name starts with a dot and keeps the suffix, by which some writers choose the format.

    Raises:
        OSError: names `path`; if the disk is full, also `size`, the bytes of the file, if known.
    """
    target = pathlib.Path(path)
    temporary = target.with_name(f".{secrets.token_hex(4)}.tmp.{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) in ("None", str(temporary)):
            raise OSError(error.errno, _with_size(error, size), str(path)) from error
        raise


def is_temporary(name: str) -> bool:
    """Returns whether `replacing` makes files of this name; a power failure may leave one."""
    return bool(_TEMPORARY.fullmatch(name))


def sha256(path: AnyPath) -> str:
    """Returns the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with pathlib.Path(path).open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_atomically(path: AnyPath, content: bytes | str) -> None:
    """Writes `content` (text as UTF-8) to `path` in one step.

    Raises:
        OSError: names `path`; if the disk is full, also the size.
    """
    content = content.encode() if isinstance(content, str) else content
    with replacing(path, len(content)) as temporary:
        temporary.write_bytes(content)


def require_space(folder: AnyPath, size: int) -> None:
    """Checks that files of `size` bytes fit, before a library writes them that fails less clearly.

    Raises:
        OSError: the disk is too full.
    """
    if shutil.disk_usage(folder).free < size:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise OSError(errno.ENOSPC, _with_size(error, size), str(folder))


def _with_size(error: OSError, size: int | None) -> str:
    full = size and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{error.strerror}; {size:,} bytes are needed" if full else str(error.strerror)


def make_folder(flag: str, folder: AnyPath) -> pathlib.Path:
    """Creates a folder and its parents, checks that it is writable, and returns its path.

    Args:
        flag: option that names the folder, for the error message.
        folder: path of the folder.

    Raises:
        UserError: the folder cannot be created or written to.
    """
    path = pathlib.Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise UserError(
            f"--{flag}: cannot write to {path}: {error.strerror}; choose a writable folder"
        ) from error
    return path
