"""Folders in S3, and in OBS, which speaks it too.

Settings are variables of the environment; none of their values is ever shown:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, and S3_ENDPOINT (as
ModelArts sets it) or AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from lenet.cloud import stores
from lenet.cloud.retry import TransientError
from lenet.cloud.stores import Content
from lenet.errors import LenetError, UserError

if TYPE_CHECKING:
    import s3fs

TIMEOUT_VARIABLE = "LENET_S3_TIMEOUT"  # seconds without a byte

_ENDPOINTS = ("S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_SHA256 = "sha256"  # in the metadata of an object
_MD5 = re.compile('"?([0-9a-f]{32})"?')  # of an object sent in one piece
_PIECE = 50 << 20  # s3fs sends what has two of them in several
# They tell where credentials come from, and when debugging, what is signed.
_TALKATIVE = ("aiobotocore", "botocore", "fsspec", "s3fs")
_NOT_FOUND = ("404", "NoSuchBucket", "NoSuchKey")
_PASSES = (
    "BadDigest",
    "IncompleteBody",
    "RequestTimeout",
    "SlowDown",
    "XAmzContentSHA256Mismatch",
)


class S3Store:
    """A folder, or an object, in a bucket; see stores.Store."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._url = url
        self._bucket = parts.netloc
        self._root = parts.path.strip("/")
        self._files = _filesystem(parts.scheme)

    def list(self) -> list[str]:
        prefix = f"{self._root}/" if self._root else ""
        names: list[str] = []
        marker = ""
        while True:
            # Version 1 of the call: OBS has no other.
            page = self._call("list_objects", Prefix=prefix, Marker=marker)
            keys = [entry["Key"] for entry in page.get("Contents", [])]
            # A key that ends with "/" stands for a folder, made in the browser.
            names += [key.removeprefix(prefix) for key in keys if not key.endswith("/")]
            if not page.get("IsTruncated") or not keys:
                return names
            marker = keys[-1]

    def content(self, name: str) -> Content | None:
        try:
            found = self._call("head_object", Key=self._key(name))
        except _MissingError:
            return None
        # With the keys of a service that encrypts, an ETag is no MD5.
        plain = "kms" not in found.get("ServerSideEncryption", "")
        md5 = _MD5.fullmatch(found.get("ETag", "")) if plain else None
        return Content(
            found["ContentLength"], found["Metadata"].get(_SHA256, ""), md5[1] if md5 else ""
        )

    def get(self, name: str, path: str) -> None:
        try:
            self._files.get_file(f"{self._bucket}/{self._key(name)}", path)
        except Exception as error:
            raise self._failure(error) from error

    def put(self, path: str, name: str) -> None:
        with open(path, "rb") as file:
            sha256 = stores.digest(file, "sha256")
            file.seek(0)
            md5 = base64.b64encode(bytes.fromhex(stores.digest(file, "md5"))).decode()
        options: dict[str, Any] = {"Metadata": {_SHA256: sha256}, "chunksize": _PIECE}
        if os.path.getsize(path) < 2 * _PIECE:
            options["ContentMD5"] = md5  # the server refuses what arrives otherwise
        try:
            self._files.put_file(path, f"{self._bucket}/{self._key(name)}", **options)
        except Exception as error:
            raise self._failure(error) from error

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._root, name) if part)

    def _call(self, method: str, **arguments: Any) -> Any:
        try:
            return self._files.call_s3(method, Bucket=self._bucket, **arguments)
        except Exception as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> Exception:
        """What to raise for an exception of s3fs and what is below it."""
        import aiohttp
        from botocore import exceptions
        from botocore.parsers import ResponseParserError

        code, status = _response(error)
        if status == 403 or isinstance(error, exceptions.NoCredentialsError):
            return UserError(
                f"{self._url}: access denied ({code}); check {', '.join(_KEYS)} and the rights"
            )
        if code in _NOT_FOUND or status == 404:
            return _MissingError(f"{self._url}: no such bucket or object")
        if status:
            message = f"{self._url}: the server answered {status} ({code})"
            passes = status >= 500 or status == 429 or code in _PASSES
            return TransientError(message) if passes else LenetError(message)
        transient = (
            aiohttp.ClientError,
            asyncio.TimeoutError,
            ConnectionError,
            TimeoutError,
            exceptions.ConnectionError,
            exceptions.HTTPClientError,
            exceptions.IncompleteReadError,
            ResponseParserError,
        )
        if isinstance(error, transient):
            return TransientError(f"{self._url}: {type(error).__name__}")
        # What the disk says is for the user; what boto says may hold anything.
        return error if isinstance(error, OSError) else LenetError(f"{self._url}: {code}")


class _MissingError(UserError):
    """There is no such bucket or object."""


def _response(error: Exception) -> tuple[str, int]:
    """Code and HTTP status of the server's answer; the error's name and 0 if there was none."""
    for candidate in (error, error.__cause__):
        response = getattr(candidate, "response", None)
        if isinstance(response, dict):
            code = response.get("Error", {}).get("Code", "")
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return code, status
    return type(error).__name__, 0


def _filesystem(scheme: str) -> s3fs.S3FileSystem:
    missing = [key for key in _KEYS if not os.environ.get(key)]
    if missing:
        raise UserError(f"{scheme}:// needs {' and '.join(missing)} in the environment")
    endpoint = _endpoint()
    if scheme == "obs" and not endpoint:
        raise UserError(
            "obs:// needs S3_ENDPOINT in the environment, such as "
            "https://obs.cn-north-4.myhuaweicloud.com"
        )
    import s3fs

    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    timeout = _timeout()
    files = s3fs.S3FileSystem(
        anon=False,
        endpoint_url=endpoint or None,
        client_kwargs={"region_name": _region(endpoint)},
        config_kwargs={
            # Those of lenet.cloud.retry are enough.
            "retries": {"max_attempts": 0},
            "connect_timeout": timeout,
            "read_timeout": timeout,
            # Checksums of AWS alone; ours go by Content-MD5 and metadata.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
            # OBS wants the bucket in the name of the host, which 127.0.0.1 cannot have.
            "s3": {"addressing_style": "virtual" if scheme == "obs" else "auto"},
        },
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    files.retries = 1
    return files


def _endpoint() -> str:
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    if not endpoint or "://" in endpoint:
        return endpoint
    plain = os.environ.get("S3_USE_HTTPS", "1").lower() in ("0", "false")
    return f"{'http' if plain else 'https'}://{endpoint}"


def _region(endpoint: str) -> str:
    """From the environment, else of obs.<region>.myhuaweicloud.com, else of S3's first."""
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
