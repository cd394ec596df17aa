"""An S3 server on a free port of 127.0.0.1, with faults on demand; prints the port.

Ends when its standard input does. It is moto's server behind a layer that refuses other access
keys than KEY and signatures by other secrets than SECRET, and plays the faults. What a test asks of
it has the header X-Control and is neither checked nor logged:

    PUT  /-/faults    JSON [{"method", "key", "kind", "times"}]: the next requests of that method
                      for keys that contain `key` fail in the way of `kind` (_Faults)
    GET  /-/log       JSON [[method, path]] of all requests so far
    GET  /-/held      answers when a request is held
    GET  /-/release   lets held requests go on
"""

import collections
import io
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

KEY = "AKIDTEST"
SECRET = "s3cr3t/not+to+be+shown"

_PATIENCE = 60.0  # seconds; longer than any test waits
_REFUSED = (
    "<?xml version='1.0'?><Error><Code>{code}</Code><Message>{key} is refused"
    "</Message><AWSAccessKeyId>{key}</AWSAccessKeyId></Error>"
)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]*)/\d+/(?P<region>[^/]*)/s3/aws4_request, "
    r"SignedHeaders=(?P<headers>[^,]*), Signature=(?P<signature>\w+)"
)
_FAILED = "<?xml version='1.0'?><Error><Code>{code}</Code><Message>planned</Message></Error>"
_STATUS = {
    "500": ("500 Internal Server Error", "InternalError"),
    "503": ("503 Slow Down", "SlowDown"),
}

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]


class _Layer:
    """The application in front of moto's."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._lock = threading.Lock()
        self._log: list[tuple[str, str]] = []
        self._faults: list[dict[str, Any]] = []
        self._held = threading.Semaphore(0)
        self._release = threading.Event()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ.get("HTTP_X_CONTROL"):
            if path.startswith("/-/"):
                return self._control(path[3:], environ, start)
            return self._inner(environ, start)
        method = environ["REQUEST_METHOD"]
        with self._lock:
            self._log.append((method, path))
        if refusal := _refusal(environ):
            answer = _answer(start, "403 Forbidden", refusal)
        elif kind := self._fault(method, path):
            answer = self._play(kind, environ, start)
        else:
            return self._inner(environ, start)
        # A body that nobody asked for is for the client a broken connection, at times.
        return [] if method == "HEAD" else answer

    def _control(self, order: str, environ: Environ, start: Start) -> Iterable[bytes]:
        answer: Any = None
        if order == "faults":
            length = int(environ["CONTENT_LENGTH"])
            self._faults = json.loads(environ["wsgi.input"].read(length))
        elif order == "log":
            with self._lock:
                answer = list(self._log)
        elif order == "held":
            answer = self._held.acquire(timeout=_PATIENCE)
        else:
            self._release.set()
        return _answer(start, "200 OK", json.dumps(answer))

    def _fault(self, method: str, path: str) -> str:
        with self._lock:
            for fault in self._faults:
                if fault["method"] == method and fault["key"] in path and fault["times"] > 0:
                    fault["times"] -= 1
                    return fault["kind"]
        return ""

    def _play(self, kind: str, environ: Environ, start: Start) -> Iterable[bytes]:
        if kind in _STATUS:
            status, code = _STATUS[kind]
            return _answer(start, status, _FAILED.format(code=code))
        if kind == "hold":
            self._held.release()
            self._release.wait(_PATIENCE)
            return self._inner(environ, start)
        if kind == "damage_request":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(_damaged(body))
            environ.pop("HTTP_CONTENT_MD5", None)  # on its way, or in the server's memory
            return self._inner(environ, start)
        body = b"".join(self._inner(environ, start))
        if kind == "damage":
            return [_damaged(body)]
        return self._pieces(kind, body)

    def _pieces(self, kind: str, body: bytes) -> Iterator[bytes]:
        """Half of a body that was announced as whole; or all of it, slowly."""
        half = len(body) // 2
        yield body[:half]
        if kind == "stall":
            self._release.wait(_PATIENCE)
        elif kind == "slow":
            self._release.wait(0.3)
            yield body[half:]


def _refusal(environ: Environ) -> str:
    """The body of the answer to who is not the owner of KEY and SECRET; "" to the owner."""
    found = _AUTHORIZATION.fullmatch(environ.get("HTTP_AUTHORIZATION", ""))
    if not found or found["key"] != KEY:
        return _REFUSED.format(code="InvalidAccessKeyId", key=found["key"] if found else "")
    if found["signature"] != _signature(environ, found["headers"].split(";"), found["region"]):
        return _REFUSED.format(code="SignatureDoesNotMatch", key=KEY)
    return ""


def _signature(environ: Environ, names: list[str], region: str) -> str:
    """What the owner of SECRET would have written below the request."""
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    variables = {name: name.upper().replace("-", "_") for name in names}
    headers = {
        name: environ.get(f"HTTP_{variable}", environ.get(variable, ""))
        for name, variable in variables.items()
    }
    url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI']}"  # as it was signed, not decoded
    request = AWSRequest(environ["REQUEST_METHOD"], url, headers)
    request.context["timestamp"] = environ["HTTP_X_AMZ_DATE"]
    auth = S3SigV4Auth(Credentials(KEY, SECRET), "s3", region)
    return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


def _damaged(body: bytes) -> bytes:
    return bytes([body[0] ^ 1]) + body[1:] if body else body


def _answer(start: Start, status: str, text: str) -> Iterable[bytes]:
    content = text.encode()
    start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]


def main() -> None:
    # Moto's own use of boto takes no account of this machine.
    os.environ.update(AWS_ACCESS_KEY_ID="unused", AWS_SECRET_ACCESS_KEY="unused")
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    layer = _Layer(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, layer, threaded=True, request_handler=Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    collections.deque(sys.stdin, maxlen=0)


if __name__ == "__main__":
    main()
