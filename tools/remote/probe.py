"""Says whether a remote cache or executor can be used; tools/bazel runs it before a build with one.

Bazel alone fails (a gRPC cache that is read-only), warns of each action (an HTTP cache that is
slow, or refuses), or waits and reports in a paragraph (an executor). Prints nothing if the server
is as it should be, else one line:

  read-only: <text>    a cache whose results can be fetched, not stored
  unusable: <text>     it is down, too slow, or refuses all

Usage: probe.py CACHE|EXECUTOR, of which LENET_REMOTE_CACHE or LENET_REMOTE_EXECUTOR is the address;
LENET_REMOTE_INSTANCE is the instance, LENET_REMOTE_HEADER a header.
Only the standard library: this runs before there is a build.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import signal
import socket
import ssl
import struct
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping

_SECONDS = 5
_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_EMPTY_BLOB = hashlib.sha256(b"").hexdigest()

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0, 1, 3, 4, 6, 7
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_METHOD = "/build.bazel.remote.execution.v2.Capabilities/GetCapabilities"


class RefusedError(Exception):
    """The server answers, and does not let this client in."""


def _connect(address: urllib.parse.SplitResult) -> socket.socket:
    port = address.port or _PORTS[address.scheme]
    connection = socket.create_connection((address.hostname, port))
    if address.scheme not in ("https", "grpcs"):
        return connection
    context = ssl.create_default_context()
    if address.scheme == "grpcs":
        context.set_alpn_protocols(["h2"])
    return context.wrap_socket(connection, server_hostname=address.hostname)


# HTTP: GET and PUT of /cas/<sha256>.


def _http_status(address: urllib.parse.SplitResult, method: str, headers: Mapping[str, str]) -> int:
    client = http.client.HTTPConnection(address.hostname, address.port)
    client.sock = _connect(address)
    with contextlib.closing(client):
        path = f"{address.path.rstrip('/')}/cas/{_EMPTY_BLOB}"
        client.request(method, path, body=b"" if method == "PUT" else None, headers=dict(headers))
        return client.getresponse().status


def _probe_http(address: urllib.parse.SplitResult, headers: Mapping[str, str]) -> bool:
    headers = dict(headers)
    if address.username is not None:
        user = f"{urllib.parse.unquote(address.username)}:"
        user += urllib.parse.unquote(address.password or "")
        headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    status = _http_status(address, "GET", headers)
    if status >= 400 and status != http.HTTPStatus.NOT_FOUND:
        raise RefusedError(f"it answers {status} {http.client.responses.get(status, '')}".strip())
    return _http_status(address, "PUT", headers) < 400


# gRPC: one call of GetCapabilities. HTTP/2 by hand, as there is no gRPC before the first build.


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _hpack_string(text: str) -> bytes:
    data = text.encode()
    length = len(data)
    if length < 127:
        return bytes([length]) + data
    prefix, rest = b"\x7f", length - 127
    while rest >= 128:
        prefix += bytes([rest % 128 + 128])
        rest //= 128
    return prefix + bytes([rest]) + data


def _call(address: urllib.parse.SplitResult, instance: str, headers: Mapping[str, str]) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "https" if address.scheme == "grpcs" else "http",
        ":path": _METHOD,
        ":authority": address.netloc.rpartition("@")[2],
        "content-type": "application/grpc",
        "te": "trailers",
        **{name.lower(): value for name, value in headers.items()},
    }
    block = b"".join(b"\0" + _hpack_string(k) + _hpack_string(v) for k, v in fields.items())
    name = instance.encode()[:127]
    message = b"\x0a" + bytes([len(name)]) + name if name else b""
    body = b"\0" + struct.pack(">I", len(message)) + message
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, b"")
        + _frame(_HEADERS, _END_HEADERS, 1, block)
        + _frame(_DATA, _END_STREAM, 1, body)
    )


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("it closed the connection")
        data += chunk
    return data


def _answer(connection: socket.socket) -> bytes:
    """The message of the answer, without gRPC's five bytes before it."""
    answer = b""
    while True:
        head = _read(connection, 9)
        kind, flags = head[3], head[4]
        payload = _read(connection, int.from_bytes(head[:3], "big"))
        if kind == _SETTINGS and not flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            connection.sendall(_frame(_PING, _ACK, 0, payload))
        elif kind in (_RESET, _GOAWAY):
            raise ConnectionError("it ended the call")
        elif kind == _DATA:
            answer += payload
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            return answer[5:]


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Number and value of the fields of a message in protobuf's encoding."""

    def varint(at: int) -> tuple[int, int]:
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            if message[at] < 128:
                return value, at + 1
            at, shift = at + 1, shift + 7

    at = 0
    while at < len(message):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
            yield key >> 3, value
        else:
            size, at = {1: lambda at: (8, at), 2: varint, 5: lambda at: (4, at)}[key & 7](at)
            yield key >> 3, message[at : at + size]
            at += size


def _accepts_results(capabilities: bytes) -> bool:
    """Of ServerCapabilities: cache_capabilities.action_cache_update_capabilities.update_enabled."""
    cache = dict(_fields(capabilities)).get(1, b"")
    updates = dict(_fields(cache)).get(2, b"")
    return bool(dict(_fields(updates)).get(1, 0))


def _executes(capabilities: bytes) -> bool:
    """Of ServerCapabilities: execution_capabilities.exec_enabled."""
    execution = dict(_fields(capabilities)).get(2, b"")
    return bool(dict(_fields(execution)).get(2, 0))


def _probe_grpc(
    address: urllib.parse.SplitResult,
    instance: str,
    headers: Mapping[str, str],
    answer: Callable[[bytes], bool],
) -> bool:
    with contextlib.closing(_connect(address)) as connection:
        connection.sendall(_call(address, instance, headers))
        capabilities = _answer(connection)
    if not capabilities:
        why = "wrong LENET_REMOTE_HEADER or LENET_REMOTE_INSTANCE"
        raise RefusedError(f"it refuses the call: {why}")
    try:
        return answer(capabilities)
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RefusedError("it does not speak the Remote Execution API") from error


def _too_late(*_: object) -> None:
    raise TimeoutError(f"no answer in {_SECONDS} seconds")


def _probe_cache(
    address: urllib.parse.SplitResult, instance: str, headers: Mapping[str, str]
) -> str:
    if address.scheme.startswith("grpc"):
        writable = _probe_grpc(address, instance, headers, _accepts_results)
    else:
        writable = _probe_http(address, headers)
    return "" if writable else "read-only: results are not stored"


def _probe_executor(
    address: urllib.parse.SplitResult, instance: str, headers: Mapping[str, str]
) -> str:
    if not address.scheme.startswith("grpc"):
        raise RefusedError("an executor is reached by grpc:// or grpcs://")
    if not _probe_grpc(address, instance, headers, _executes):
        raise RefusedError("it stores results, and executes nothing")
    return ""


def probe(kind: str, endpoint: str, instance: str = "", header: str = "") -> str:
    """What to print of the server; empty if all is well or only Bazel can tell.

    Args:
        kind: CACHE or EXECUTOR.
        endpoint: as Bazel takes it: grpc://host:port, http://user:password@host:port/path, …
        instance: of a gRPC server that has several.
        header: name=value, sent with the call.
    """
    address = urllib.parse.urlsplit(endpoint if "://" in endpoint else f"grpcs://{endpoint}")
    if address.scheme not in _PORTS or not address.hostname:
        return ""
    name, _, value = header.partition("=")
    headers = {name: value} if name else {}
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(_SECONDS)
    try:
        return _PROBES[kind](address, instance, headers)
    except ssl.SSLError:
        return ""  # Bazel may have been given certificates
    except http.client.HTTPException:
        reason = "it does not speak HTTP"
    except (OSError, RefusedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    finally:
        signal.alarm(0)
    return f"unusable: {reason}"


_PROBES = {"CACHE": _probe_cache, "EXECUTOR": _probe_executor}


if __name__ == "__main__":
    message = probe(
        sys.argv[1],
        os.environ[f"LENET_REMOTE_{sys.argv[1]}"],
        os.environ.get("LENET_REMOTE_INSTANCE", ""),
        os.environ.get("LENET_REMOTE_HEADER", ""),
    )
    if message:
        print(message)
