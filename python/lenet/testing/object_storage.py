"""Starts an S3 server for tests in a process of its own on 127.0.0.1."""

import html
import json
import os
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request
from typing import Any

from lenet.testing import programs

SECRET = "s3cr3t/not+to+be+shown"  # noqa: S105  of the test server
BUCKET = "bucket"

_PROGRAM = "//python/lenet/testing:s3_server"
_KEY = "AKIDTEST"


class Server:
    """An S3 server with an empty BUCKET; a context manager."""

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            programs.command(_PROGRAM), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        port = self._process.stdout.readline() if self._process.stdout else ""
        self.url = f"http://127.0.0.1:{port.strip()}"
        self._request("PUT", f"/{BUCKET}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes the standard input, which ends the server

    def environment(self) -> dict[str, str]:
        """Returns the environment variables for clients of the server."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "S3_ENDPOINT": self.url,
            "HTTP_PROXY": "",
            "http_proxy": "",
            "no_proxy": "127.0.0.1",
        }

    def reset(self) -> None:
        """Removes all faults and objects."""
        self.fail([])
        for key in self.objects():
            self._request("DELETE", _path(key))

    def put(self, key: str, content: bytes) -> None:
        """Stores an object in BUCKET."""
        self._request("PUT", _path(key), content)

    def put_folder(self, folder: str | os.PathLike[str], prefix: str) -> None:
        """Stores all files below `folder` in BUCKET; their keys begin with `prefix`."""
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder)}", path.read_bytes())

    def objects(self) -> dict[str, bytes]:
        """Returns the content of each object in BUCKET per key."""
        return {key: self._request("GET", _path(key)) for key in self._listed("", "Key")}

    def incomplete_uploads(self) -> list[str]:
        """Returns the keys of the multipart uploads that are neither complete nor aborted."""
        return self._listed("?uploads", "Key")

    def abort_uploads(self) -> None:
        """Aborts the incomplete uploads."""
        uploads = self._listed("?uploads", "UploadId")
        for key, upload in zip(self.incomplete_uploads(), uploads, strict=True):
            self._request("DELETE", f"{_path(key)}?uploadId={urllib.parse.quote(upload)}")

    def fail(self, faults: list[tuple[str, str, str, int]]) -> None:
        """Replaces the planned faults: (method, part of the key, kind, number of requests)."""
        names = ("method", "key", "kind", "times")
        plan = [dict(zip(names, fault, strict=True)) for fault in faults]
        self._request("PUT", "/-/faults", json.dumps(plan).encode())

    def log(self) -> list[tuple[str, str]]:
        """Returns (method, key) of the requests of clients so far."""
        found: list[Any] = json.loads(self._request("GET", "/-/log"))
        return [(method, path.removeprefix(f"/{BUCKET}/")) for method, path in found]

    def wait_until_held(self) -> None:
        """Waits until a fault of kind "hold" holds a request."""
        if not json.loads(self._request("GET", "/-/held")):
            raise TimeoutError("no request was held")

    def release(self) -> None:
        """Continues held requests, present and future ones."""
        self._request("GET", "/-/release")

    def _listed(self, query: str, element: str) -> list[str]:
        listing = self._request("GET", f"/{BUCKET}{query}").decode()
        return [
            html.unescape(text) for text in re.findall(f"<{element}>(.*?)</{element}>", listing)
        ]

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = {
            "X-Control": "1",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body)),
            "Authorization": f"AWS4-HMAC-SHA256 Credential={_KEY}/20260101/us-east-1/s3/",
        }
        url = self.url + path
        request = urllib.request.Request(url, body or None, headers, method=method)  # noqa: S310  http
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=90) as answer:
            return answer.read()


def _path(key: str) -> str:
    return f"/{BUCKET}/{urllib.parse.quote(key)}"
