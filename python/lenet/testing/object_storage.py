"""An S3 server for tests: a process of its own on 127.0.0.1."""

import html
import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from typing import Any

from lenet.testing import programs

SECRET = "s3cr3t/not+to+be+shown"
BUCKET = "bucket"

_PROGRAM = "//python/lenet/testing:s3_server"
_KEY = "AKIDTEST"


class Server:
    """A server with an empty BUCKET, for a `with` statement."""

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            [programs.path(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        self._request("PUT", f"/{BUCKET}")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def environment(self, **changes: str) -> dict[str, str]:
        """The variables that a user of the server needs; values may be changed."""
        return {
            "AWS_ACCESS_KEY_ID": _KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "S3_ENDPOINT": self.url,
            "HTTP_PROXY": "",
            "http_proxy": "",
            "no_proxy": "127.0.0.1",
        } | changes

    def reset(self) -> None:
        """No faults; and no objects."""
        self.fail([])
        for key in self.objects():
            self._request("DELETE", f"/{BUCKET}/{urllib.parse.quote(key)}")

    def put(self, key: str, content: bytes) -> None:
        """Puts an object into BUCKET."""
        self._request("PUT", f"/{BUCKET}/{urllib.parse.quote(key)}", content)

    def put_folder(self, folder: str | os.PathLike[str], prefix: str) -> None:
        """Puts all files below `folder` into BUCKET, with keys that begin with `prefix`."""
        for parent, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(parent, name)
                with open(path, "rb") as file:
                    self.put(f"{prefix}/{os.path.relpath(path, folder)}", file.read())

    def objects(self) -> dict[str, bytes]:
        """What is in BUCKET, by key."""
        listing = self._request("GET", f"/{BUCKET}").decode()
        keys = [html.unescape(key) for key in re.findall(r"<Key>(.*?)</Key>", listing)]
        return {key: self._request("GET", f"/{BUCKET}/{urllib.parse.quote(key)}") for key in keys}

    def half_sent(self) -> list[str]:
        """Keys of the uploads in pieces that are neither complete nor aborted."""
        return [key for key, _ in self._uploads()]

    def remove_half_sent(self) -> None:
        """Aborts those."""
        for key, upload in self._uploads():
            query = urllib.parse.urlencode({"uploadId": upload})
            self._request("DELETE", f"/{BUCKET}/{urllib.parse.quote(key)}?{query}")

    def _uploads(self) -> list[tuple[str, str]]:
        listing = self._request("GET", f"/{BUCKET}?uploads").decode()
        keys, uploads = (
            [html.unescape(text) for text in re.findall(f"<{name}>(.*?)</{name}>", listing)]
            for name in ("Key", "UploadId")
        )
        return list(zip(keys, uploads, strict=True))

    def fail(self, faults: list[tuple[str, str, str, int]]) -> None:
        """Plans faults, instead of those before: (method, part of the key, kind, times)."""
        names = ("method", "key", "kind", "times")
        plan = [dict(zip(names, fault, strict=True)) for fault in faults]
        self._request("PUT", "/-/faults", json.dumps(plan).encode())

    def log(self) -> list[tuple[str, str]]:
        """(method, key) of the requests so far, without those of this class."""
        found: list[Any] = json.loads(self._request("GET", "/-/log"))
        return [(method, path.removeprefix(f"/{BUCKET}/")) for method, path in found]

    def wait_until_held(self) -> None:
        """Returns when a request has come that a fault of kind "hold" keeps waiting."""
        assert json.loads(self._request("GET", "/-/held")), "no request was held"

    def release(self) -> None:
        """Lets held requests go on, also those that come later."""
        self._request("GET", "/-/release")

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = {
            "X-Control": "1",
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(body)),
            "Authorization": f"AWS4-HMAC-SHA256 Credential={_KEY}/20260101/us-east-1/s3/",
        }
        request = urllib.request.Request(self.url + path, body or None, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=90) as answer:
            return answer.read()
