"""Stores of files: S3 or OBS, OBS through moxing, and folders of this machine.

Environment variables configure S3 and OBS: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_REGION, LENET_S3_TIMEOUT, and S3_ENDPOINT (set by ModelArts) or
AWS_ENDPOINT_URL. No message contains their values.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import os
import pathlib
import re
import shutil
import urllib.parse
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, TypeAlias

from absl import logging as absl_logging

from lenet import files
from lenet.errors import LenetError, UserError

TIMEOUT_VARIABLE = "LENET_S3_TIMEOUT"  # seconds until a connection without data is given up

_ENDPOINTS = ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_ATTEMPTS = 6  # per request, with growing, random delays
_PAGE_SIZE = 1000  # objects per listing request
_PART_BYTES = 50 << 20  # files of two parts or more are uploaded in parts
_SHA256 = "sha256"  # key in the metadata of the objects that this module uploads
_DAMAGED = ("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch")


class TransientError(Exception):
    """A transfer failed in a way that another attempt may fix."""


@dataclasses.dataclass(frozen=True)
class Content:
    """Size and checksums of a stored file.

    Attributes:
        size: bytes.
        checksums: hexadecimal digest per name: "sha256" (computed by the sender), "etag" (computed
            by the server). Only known checksums are present.
    """

    size: int
    checksums: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def difference(self, path: pathlib.Path) -> str:
        """Describes how the file at `path` differs; returns "" if nothing known differs."""
        size = path.stat().st_size
        if size != self.size:
            return f"expected {self.size} bytes, found {size}"
        for name, expected in self.checksums.items():
            found = _etag(path, in_parts="-" in expected) if name == "etag" else files.sha256(path)
            if found != expected:
                return f"expected {name} {expected}, found {found}"
        return ""


def open_store(url: str) -> Store:
    """Returns the store for s3://, obs://, file:// or an absolute path.

    A store has the files below the URL. Names are relative to the URL; "" is the URL itself, as a
    file. `list` returns all names, `content` what is known about a file or None if it is missing,
    `get` and `put` copy a file from and to the store, `remove` deletes it. They raise UserError (no
    permission, no bucket), LenetError, TransientError or, for the local disk, OSError.

    Raises:
        UserError: the URL is of another kind or holds a password, or a setting is missing.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.username or parts.password:
        raise UserError(
            f"a {parts.scheme}:// URL holds a name or password; remove it, and set "
            f"{' and '.join(_KEYS)}"
        )
    if parts.scheme == "file":
        return _FolderStore(parts.netloc + parts.path)
    if not parts.scheme and url.startswith("/"):  # ModelArts can mount buckets as folders
        return _FolderStore(url)
    if parts.scheme not in ("obs", "s3"):
        raise UserError(f"{url}: expected file://, obs://, s3:// or an absolute path")
    if not parts.netloc:
        raise UserError(f"{url}: the bucket name is missing")
    moxing = _moxing()
    return _MoxingStore(url, moxing) if moxing else _S3Store(url)


def _moxing() -> ModuleType | None:
    """Returns ModelArts' storage library, which has the permissions of the job."""
    try:
        import moxing
    except ImportError:
        return None
    return moxing


class _FolderStore:
    """A folder, or a file, on a disk of this machine."""

    def __init__(self, root: str) -> None:
        self._root = pathlib.Path(root)

    def list(self) -> list[str]:
        found = self._root.rglob("*")
        return sorted(str(path.relative_to(self._root)) for path in found if path.is_file())

    def content(self, name: str) -> Content | None:
        path = self._root / name
        if not path.is_file():
            return None
        return Content(path.stat().st_size, {_SHA256: files.sha256(path)})

    def get(self, name: str, path: pathlib.Path) -> None:
        shutil.copyfile(self._root / name, path)

    def put(self, path: pathlib.Path, name: str) -> None:
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(target) as temporary:
            shutil.copyfile(path, temporary)

    def remove(self, name: str) -> None:
        (self._root / name).unlink()


class _MoxingStore:
    """A folder, or an object, that moxing reads. moxing reports sizes but no checksums."""

    def __init__(self, url: str, moxing: ModuleType) -> None:
        self._root = url.rstrip("/")
        self._files: Any = moxing.file

    def list(self) -> list[str]:
        if not self._call("exists", self._root) or not self._call("is_directory", self._root):
            return []
        names = self._call("list_directory", self._root, recursive=True)
        return [name for name in names if not self._call("is_directory", self._url(name))]

    def content(self, name: str) -> Content | None:
        url = self._url(name)
        if not self._call("exists", url) or self._call("is_directory", url):
            return None
        return Content(self._call("get_size", url))

    def get(self, name: str, path: pathlib.Path) -> None:
        self._call("copy", self._url(name), str(path))

    def put(self, path: pathlib.Path, name: str) -> None:
        self._call("copy", str(path), self._url(name))

    def remove(self, name: str) -> None:
        self._call("remove", self._url(name))

    def _url(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _call(self, function: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._files, function)(*arguments, **options)
        except (PermissionError, FileNotFoundError) as error:
            raise UserError(f"{self._root}: {type(error).__name__} in moxing") from error
        except Exception as error:  # moxing documents no exceptions
            raise TransientError(f"{self._root}: {type(error).__name__} in moxing") from error


class _MissingError(UserError):
    """There is no such bucket or object."""


class _S3Store:
    """A folder, or an object, in a bucket of S3 or of OBS, which has the same interface."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._url = url
        self._bucket = parts.netloc
        self._root = parts.path.strip("/")
        self._client = _client(parts.scheme)

    def list(self) -> list[str]:
        prefix = f"{self._root}/" if self._root else ""
        with self._errors():
            # OBS has only version 1 of this request.
            pages = self._client.get_paginator("list_objects").paginate(
                Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": _PAGE_SIZE}
            )
            keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        # A key with a final "/" represents a folder that was made in a browser.
        return [key.removeprefix(prefix) for key in keys if not key.endswith("/")]

    def content(self, name: str) -> Content | None:
        try:
            with self._errors():
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
        except _MissingError:
            return None
        checksums = {_SHA256: found["Metadata"].get(_SHA256)}
        if "kms" not in found.get("ServerSideEncryption", ""):  # then an ETag is no checksum
            match = re.fullmatch('"?([0-9a-f]{32}(-[0-9]+)?)"?', found.get("ETag", ""))
            # Without our metadata the part size is unknown.
            if match and (checksums[_SHA256] or not match[2]):
                checksums["etag"] = match[1]
        known = {name: value for name, value in checksums.items() if value}
        return Content(found["ContentLength"], known)

    def get(self, name: str, path: pathlib.Path) -> None:
        with self._errors():
            self._client.download_file(
                self._bucket, self._key(name), str(path), Config=_transfer_config()
            )

    def put(self, path: pathlib.Path, name: str) -> None:
        key = self._key(name)
        extra = {"Metadata": {_SHA256: files.sha256(path)}}
        try:
            with self._errors():
                self._client.upload_file(
                    str(path), self._bucket, key, ExtraArgs=extra, Config=_transfer_config()
                )
        except (LenetError, TransientError):
            self._warn_of_parts(key)
            raise

    def remove(self, name: str) -> None:
        with self._errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _warn_of_parts(self, key: str) -> None:
        """Warns if boto could not remove the parts of an upload, which cost money."""
        with contextlib.suppress(LenetError, TransientError), self._errors():
            found = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=key)
            if any(upload["Key"] == key for upload in found.get("Uploads", [])):
                absl_logging.warning("an incomplete upload of %s is left in the bucket", key)

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._root, name) if part)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns exceptions of boto3, which may hold secrets, into errors of this project."""
        try:
            yield
        except Exception as error:  # boto3 raises exceptions of several libraries
            network = isinstance(error, (ConnectionError, TimeoutError))
            if isinstance(error, OSError) and not network:
                raise  # an error of the local disk
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> Exception:
        from botocore.exceptions import ClientError, FlexibleChecksumError

        cause: BaseException | None = error
        while cause and not isinstance(cause, ClientError):
            cause = cause.__context__
        response = getattr(cause, "response", {})
        code = response.get("Error", {}).get("Code", "")
        metadata = response.get("ResponseMetadata", {})
        status = metadata.get("HTTPStatusCode", 0)
        if status == 403:
            return UserError(
                f"{self._url}: access denied ({code}); check {', '.join(_KEYS)} and the permissions"
            )
        if status == 404:
            return _MissingError(f"{self._url}: no such bucket or object")
        if isinstance(error, FlexibleChecksumError):
            return TransientError(f"{self._url}: arrived damaged")
        if not status:
            return LenetError(f"{self._url}: {type(error).__name__}; gave up after all attempts")
        message = f"{self._url}: the server answered {status} ({code})"
        if code in _DAMAGED:
            return TransientError(message)
        retries = metadata.get("RetryAttempts", 0)
        return LenetError(
            f"{message}; gave up after {retries + 1} attempts" if retries else message
        )


Store: TypeAlias = _FolderStore | _MoxingStore | _S3Store


def _client(scheme: str) -> Any:
    missing = [key for key in _KEYS if not os.environ.get(key)]
    if missing:
        raise UserError(f"{scheme}:// needs {' and '.join(missing)} in the environment")
    endpoint = _endpoint()
    if scheme == "obs" and not endpoint:
        raise UserError(
            "obs:// needs S3_ENDPOINT in the environment, for example "
            "https://obs.cn-north-4.myhuaweicloud.com"
        )
    timeout = _timeout()
    import boto3
    from botocore.config import Config

    for library in ("boto3", "botocore", "s3transfer", "urllib3"):  # they log what they sign
        logging.getLogger(library).setLevel(logging.WARNING)
    # Only AWS has the newer checksums; Content.difference checks what other services store.
    checksums = "when_required" if endpoint else "when_supported"
    config = Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        region_name=_region(endpoint),
        request_checksum_calculation=checksums,
        response_checksum_validation=checksums,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        # OBS requires the bucket in the host name, which is impossible for an IP address.
        s3={"addressing_style": "virtual" if scheme == "obs" else "auto"},
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint or None, config=config)


def _transfer_config() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(
        multipart_threshold=2 * _PART_BYTES,
        multipart_chunksize=_PART_BYTES,
        use_threads=False,  # lenet.cloud.storage transfers several files at once
    )


def _endpoint() -> str:
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    if not endpoint or "://" in endpoint:
        return endpoint
    plain = os.environ.get("S3_USE_HTTPS", "1").lower() in ("0", "false")
    return f"{'http' if plain else 'https'}://{endpoint}"


def _region(endpoint: str) -> str:
    """Returns the region from the environment or from obs.<region>.myhuaweicloud.com."""
    given = next((os.environ[name] for name in _REGIONS if os.environ.get(name)), "")
    host = (urllib.parse.urlsplit(endpoint).hostname or "").split(".")
    return given or (host[1] if host[0] == "obs" and len(host) > 2 else "us-east-1")


def _timeout() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE) or "60"
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise UserError(f"{TIMEOUT_VARIABLE}={text}: expected a number of seconds above 0")
    return seconds


def _etag(path: pathlib.Path, *, in_parts: bool) -> str:
    """Returns the ETag that S3 gives a file: its MD5, or the MD5 of the MD5s of its parts."""
    whole = hashlib.md5(usedforsecurity=False)
    parts = []
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            whole.update(part)
            parts.append(hashlib.md5(part, usedforsecurity=False).digest())
    if not in_parts:
        return whole.hexdigest()
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
