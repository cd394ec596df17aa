"""Runs moto's S3 server with planned faults on a free port of 127.0.0.1; prints the port.

The server ends when its standard input is closed. It rejects unknown access keys and wrong
signatures. Requests with the header X-Control come from the test; they are not checked or logged:

    PUT  /-/faults    JSON [{"method", "key", "kind", "times"}]: the next requests with that method
                      whose path contains `key` fail in the way of `kind` (see _Layer.fail)
    GET  /-/log       JSON [[method, path]] of all requests
    GET  /-/held      answers when a request is held
    GET  /-/release   continues held requests, and those held until the next /-/faults
"""

import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

KEY = "AKIDTEST"
SECRET = "s3cr3t/not+to+be+shown"  # noqa: S105  of the test server

_SECONDS = 80.0  # longer than any test waits
_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>{}</Message></Error>"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]*)/\d+/(?P<region>[^/]*)/s3/aws4_request, "
    r"SignedHeaders=(?P<headers>[^,]*), Signature=(?P<signature>\w+)"
)
_STATUS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
}

Environ = dict[str, Any]
Application = Callable[[Environ, Callable], Iterable[bytes]]


class _Layer:
    """A WSGI application in front of moto's."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._log: list[tuple[str, str]] = []
        self._faults: list[dict[str, Any]] = []
        self._held = threading.Semaphore(0)
        self._holding = threading.Lock()
        self._release = threading.Event()

    def __call__(self, environ: Environ, start: Callable) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if environ.get("HTTP_X_CONTROL"):
            control = path.startswith("/-/")
            return self._control(path, environ, start) if control else self._inner(environ, start)
        with self._lock:
            self._log.append((method, path))
        if refusal := _refusal(environ):
            answer = _answer(start, "403 Forbidden", refusal)
        elif kind := self._planned(method, path):
            answer = self._fail(kind, environ, start)
        else:
            return self._inner(environ, start)
        return [] if method == "HEAD" else answer  # a response to HEAD has no body

    def _control(self, path: str, environ: Environ, start: Callable) -> Iterable[bytes]:
        answer: Any = None
        if path == "/-/faults":
            length = int(environ["CONTENT_LENGTH"])
            self._faults = json.loads(environ["wsgi.input"].read(length))
            self._release.clear()
        elif path == "/-/log":
            with self._lock:
                answer = list(self._log)
        elif path == "/-/held":
            answer = self._held.acquire(timeout=_SECONDS)
        else:
            self._release.set()
            with self._holding:  # a later end would be in the next test
                pass
        return _answer(start, "200 OK", json.dumps(answer))

    def _planned(self, method: str, path: str) -> str:
        with self._lock:
            for fault in self._faults:
                if fault["method"] == method and fault["key"] in path and fault["times"] > 0:
                    fault["times"] -= 1
                    return fault["kind"]
        return ""

    def _fail(self, kind: str, environ: Environ, start: Callable) -> Iterable[bytes]:
        """Answers with an error status, a changed, partial or delayed body, or after a wait."""
        if kind in _STATUS:
            status, code = _STATUS[kind]
            return _answer(start, status, _ERROR.format(code, "planned"))
        if kind == "hold":
            with self._holding:
                self._held.release()
                self._release.wait(_SECONDS)
                return self._inner(environ, start)
        if kind == "damage_request":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(_damaged(body))
            return self._inner(environ, start)
        body = b"".join(self._inner(environ, start))
        return [_damaged(body)] if kind == "damage" else self._partial(kind, body)

    def _partial(self, kind: str, body: bytes) -> Iterator[bytes]:
        """Yields half of the announced body: "truncate", "stall"; or all of it: "slow"."""
        yield body[: len(body) // 2]
        if kind == "stall":
            self._release.wait(_SECONDS)
        elif kind == "slow":
            self._release.wait(0.3)
            yield body[len(body) // 2 :]


def _refusal(environ: Environ) -> str:
    """Returns the error for a wrong access key or signature; "" for right ones."""
    found = _AUTHORIZATION.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    if not found or found["key"] != KEY:
        return _ERROR.format("InvalidAccessKeyId", found["key"] if found else "")
    if found["signature"] != _signature(environ, found["headers"].split(";"), found["region"]):
        return _ERROR.format("SignatureDoesNotMatch", KEY)
    return ""


def _signature(environ: Environ, names: list[str], region: str) -> str:
    """Returns the signature of a request with SECRET."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    variables = {name: name.upper().replace("-", "_") for name in names}
    headers = {
        name: environ.get(f"HTTP_{variable}", environ.get(variable, ""))
        for name, variable in variables.items()
    }
    url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"  # encoded, as it was signed
    request = AWSRequest(environ["REQUEST_METHOD"], url, headers)
    request.context["timestamp"] = environ["HTTP_X_AMZ_DATE"]
    auth = S3SigV4Auth(Credentials(KEY, SECRET), "s3", region)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def _damaged(body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:] if body else body


def _answer(start: Callable, status: str, text: str) -> Iterable[bytes]:
    content = text.encode()
    start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]


def main() -> None:
    """Serves until standard input is closed."""
    # moto itself uses boto, which must not read this machine's credentials.
    os.environ |= {"AWS_ACCESS_KEY_ID": "unused", "AWS_SECRET_ACCESS_KEY": "unused"}
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    WSGIRequestHandler.log_request = lambda *_: None
    layer = _Layer(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, layer, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
