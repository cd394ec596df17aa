"""What a URL leads to: a folder, or a file, in object storage or on a disk."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import posixpath
import secrets
import urllib.parse
from types import ModuleType
from typing import Any, BinaryIO, Protocol

from lenet.cloud.retry import TransientError
from lenet.errors import LenetError, UserError

_CHUNK = 1 << 20
_S3_SCHEMES = ("obs", "s3")
_SCHEMES = ("file", "memory", "obs", "s3")


@dataclasses.dataclass(frozen=True)
class Content:
    """What is known of a file's content.

    Attributes:
        size: in bytes.
        sha256: hexadecimal; "" if not known.
        md5: hexadecimal; "" if not known.
    """

    size: int
    sha256: str = ""
    md5: str = ""

    def differs(self, path: str) -> str:
        """In what the file at `path` is something else, for messages; "" if in nothing known."""
        size = os.path.getsize(path)
        if size != self.size:
            return f"expected {self.size} bytes, found {size}"
        # Both: the one is what the sender meant, the other what the server holds.
        for name in ("sha256", "md5"):
            expected = getattr(self, name)
            if expected:
                with open(path, "rb") as file:
                    found = digest(file, name)
                if found != expected:
                    return f"expected {name} {expected}, found {found}"
        return ""


class Store(Protocol):
    """What lies at a URL. Names are relative to it, with "/"; "" is the URL itself, as a file.

    All methods may raise TransientError, UserError (no rights, no bucket, no settings) and
    LenetError; of the local disk, OSError.
    """

    def list(self) -> list[str]:
        """Names of all files below it."""
        ...

    def content(self, name: str) -> Content | None:
        """Of one file; None if there is none."""
        ...

    def get(self, name: str, path: str) -> None:
        """Copies a file to the disk."""
        ...

    def put(self, path: str, name: str) -> None:
        """Copies a file of the disk; complete or not at all."""
        ...


def open_store(url: str) -> Store:
    """The store for s3://, obs://, file://, memory:// or a path of this machine.

    Raises:
        UserError: another URL, one with a password in it, or variables are missing.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise UserError(
            f"a {parts.scheme}:// URL holds a name or password; give it without, and set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if not parts.scheme and url.startswith("/"):  # ModelArts of today mounts the buckets
        return FsspecStore("file", url)
    if parts.scheme not in _SCHEMES:
        raise UserError(
            f"{url}: expected " + ", ".join(f"{s}://" for s in _SCHEMES) + " or an absolute path"
        )
    if parts.scheme not in _S3_SCHEMES:
        return FsspecStore(parts.scheme, parts.netloc + parts.path)
    if not parts.netloc:
        raise UserError(f"{url}: the name of the bucket is missing")
    moxing = _moxing()
    if moxing is not None:
        return MoxingStore(url, moxing)
    from lenet.cloud import s3

    return s3.S3Store(url)


def _moxing() -> ModuleType | None:
    """ModelArts' own access to its storage, which has the job's rights."""
    try:
        import moxing
    except ImportError:
        return None
    return moxing


class FsspecStore:
    """By fsspec, for what fails once and for all."""

    def __init__(self, protocol: str, path: str) -> None:
        import fsspec

        self._files = fsspec.filesystem(protocol)
        self._root = path.rstrip("/")
        # A rename is atomic on a disk; in memory nothing is ever seen half.
        self._renames = protocol == "file"

    def list(self) -> list[str]:
        if not self._files.isdir(self._root):
            return []
        start = self._files._strip_protocol(self._root).rstrip("/") + "/"
        return [path.removeprefix(start) for path in self._files.find(self._root)]

    def content(self, name: str) -> Content | None:
        path = self._path(name)
        if not self._files.isfile(path):
            return None
        with self._files.open(path, "rb") as file:
            return Content(self._files.size(path), sha256=digest(file, "sha256"))

    def get(self, name: str, path: str) -> None:
        self._files.get_file(self._path(name), path)

    def put(self, path: str, name: str) -> None:
        target = self._path(name)
        self._files.makedirs(posixpath.dirname(target), exist_ok=True)
        if not self._renames:
            self._files.put_file(path, target)
            return
        folder, base = posixpath.split(target)
        temporary = posixpath.join(folder, f".{secrets.token_hex(4)}.tmp.{base}")
        try:
            self._files.put_file(path, temporary)
            os.replace(temporary, target)
        finally:
            if os.path.exists(temporary):
                os.remove(temporary)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root


class MoxingStore:
    """By moxing, which tells the size of a file and no checksum."""

    def __init__(self, url: str, moxing: ModuleType) -> None:
        self._root = url.rstrip("/")
        self._files: Any = moxing.file

    def list(self) -> list[str]:
        names = (
            self._call("list_directory", self._root, recursive=True) if self._is_folder() else []
        )
        return [name for name in names if not self._call("is_directory", f"{self._root}/{name}")]

    def content(self, name: str) -> Content | None:
        url = self._url(name)
        if not self._call("exists", url) or self._call("is_directory", url):
            return None
        return Content(self._call("get_size", url))

    def get(self, name: str, path: str) -> None:
        self._call("copy", self._url(name), path)

    def put(self, path: str, name: str) -> None:
        self._call("copy", path, self._url(name))

    def _is_folder(self) -> bool:
        return self._call("exists", self._root) and self._call("is_directory", self._root)

    def _url(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _call(self, function: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, function)(*arguments, **options)
        except (PermissionError, FileNotFoundError) as error:
            raise UserError(f"{self._root}: {type(error).__name__} in moxing") from error
        except Exception as error:  # it documents none; its own retries are over
            raise TransientError(f"{self._root}: {type(error).__name__} in moxing") from error


def digest(file: BinaryIO, name: str) -> str:
    """Hexadecimal digest of what is left of `file`."""
    result = hashlib.new(name, usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        result.update(chunk)
    return result.hexdigest()


def checked_name(name: str, url: str) -> str:
    """`name` if it stays below the folder that it is put into.

    Raises:
        LenetError: it leads out.
    """
    if posixpath.isabs(name) or ".." in name.split("/"):
        raise LenetError(f"{url}: {name!r} leads out of the folder; it is not fetched")
    return name
