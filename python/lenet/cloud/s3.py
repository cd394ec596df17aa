"""Folders in S3, and in OBS, which speaks it too.

A file of 100 MiB or more goes in pieces of 50 MiB, each with its checksum; it becomes an object
when all are there, and after a failure the pieces are removed. A process that is killed leaves
them: a rule of the bucket's life cycle for incomplete uploads removes those.

Settings are variables of the environment; none of their values is ever shown:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, and S3_ENDPOINT (as
ModelArts sets it) or AWS_ENDPOINT_URL.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import re
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from absl import logging as absl_logging

from lenet.cloud import stores
from lenet.cloud.retry import Retry, TransientError, call
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
_PIECE = 50 << 20  # what has two of them is sent in several
_ABORT = Retry(attempts=3)
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
        return Content(found["ContentLength"], found["Metadata"].get(_SHA256, ""), _md5(found))

    def get(self, name: str, path: str) -> None:
        try:
            self._files.get_file(f"{self._bucket}/{self._key(name)}", path)
        except Exception as error:
            raise self._failure(error) from error

    def put(self, path: str, name: str) -> None:
        with open(path, "rb") as file:
            metadata = {_SHA256: stores.digest(file, "sha256")}
            file.seek(0)
            if os.path.getsize(path) < 2 * _PIECE:
                content = file.read()
                self._call(
                    "put_object",
                    Key=self._key(name),
                    Body=content,
                    ContentMD5=_content_md5(content),
                    Metadata=metadata,
                )
            else:
                self._put_pieces(file, self._key(name), metadata)

    def _put_pieces(self, file: BinaryIO, key: str, metadata: Mapping[str, str]) -> None:
        created = self._call("create_multipart_upload", Key=key, Metadata=metadata)
        upload = {"Key": key, "UploadId": created["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            while piece := file.read(_PIECE):
                number = len(parts) + 1
                parts.append({"PartNumber": number, "ETag": self._put_piece(piece, number, upload)})
            self._call("complete_multipart_upload", **upload, MultipartUpload={"Parts": parts})
        except BaseException:
            self._abort(upload)
            raise

    def _put_piece(self, piece: bytes, number: int, upload: Mapping[str, str]) -> str:
        """Sends one, and returns its ETag."""
        sent = self._call(
            "upload_part", **upload, PartNumber=number, Body=piece, ContentMD5=_content_md5(piece)
        )
        # The ETag of the whole is no checksum of ours, and the metadata only say what was meant.
        held = _md5(sent)
        if held and held != hashlib.md5(piece, usedforsecurity=False).hexdigest():
            raise TransientError(f"{self._url}: piece {number} of {upload['Key']} arrived damaged")
        return sent["ETag"]

    def _abort(self, upload: Mapping[str, str]) -> None:
        """Removes the pieces, which cost money; warns if it cannot, as an error is on its way."""
        try:
            call(lambda: self._call("abort_multipart_upload", **upload), _ABORT)
        except _MissingError:
            pass  # it was completed, and only the answer did not come
        except LenetError as error:
            absl_logging.warning(
                "%s; an incomplete upload of %s is left in the bucket", error, upload["Key"]
            )

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


def _content_md5(content: bytes) -> str:
    """A header by which the server refuses what arrives otherwise."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _md5(answer: Mapping[str, Any]) -> str:
    """Of what the server holds; "" if it does not tell."""
    # With the keys of a service that encrypts, an ETag is no MD5.
    plain = "kms" not in answer.get("ServerSideEncryption", "")
    found = _MD5.fullmatch(answer.get("ETag", "")) if plain else None
    return found[1] if found else ""


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
