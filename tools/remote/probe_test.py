"""What the probe says of servers that are none; cache_test has the real ones."""

import contextlib
import socket
import threading

import pytest

from tools.remote import probe


@contextlib.contextmanager
def _server(answer: bytes):
    """A server that takes one connection, answers with these bytes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nothing_listens(scheme):
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert probe.probe("CACHE", f"{scheme}://127.0.0.1:{port}") == "unusable: Connection refused"


@pytest.mark.parametrize("scheme", ["http", "grpc"])
@pytest.mark.parametrize("answer", [b"", b"\0", b"what?\r\n\r\n", b"\xff" * 64])
def test_answers_of_something_else_are_one_line(scheme, answer):
    with _server(answer) as port:
        said = probe.probe("CACHE", f"{scheme}://127.0.0.1:{port}")
    assert said.startswith("unusable: ")
    assert "\n" not in said


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_no_answer_in_time(scheme, monkeypatch):
    monkeypatch.setattr(probe, "_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = probe.probe("CACHE", f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
    assert said == "unusable: no answer in 1 seconds"


def test_refusal_names_the_status():
    with _server(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") as port:
        said = probe.probe("CACHE", f"http://127.0.0.1:{port}/path")
    assert said == "unusable: it answers 401 Unauthorized"


@pytest.mark.parametrize("endpoint", ["unix:/run/cache.sock", "ftp://host/path", "http://", "x"])
def test_addresses_that_only_bazel_knows_are_left_to_it(endpoint, monkeypatch):
    def refuse(*_):
        raise probe.ssl.SSLError("certificates are Bazel's matter")

    monkeypatch.setattr(probe, "_connect", refuse)
    assert probe.probe("CACHE", endpoint) == ""


def test_executors_are_reached_by_grpc_only():
    said = probe.probe("EXECUTOR", "http://127.0.0.1:1/path")
    assert said == "unusable: an executor is reached by grpc:// or grpcs://"


def test_long_headers_are_encoded():
    # RFC 7541, 5.1: 1337 with a prefix of 5 bits is 1f 9a 0a; of 7 bits here.
    assert probe._hpack_string("a" * 1337)[:3] == b"\x7f\xba\x09"
    assert probe._hpack_string("a" * 126)[:1] == b"\x7e"
    assert probe._hpack_string("a" * 127)[:2] == b"\x7f\x00"


def test_capabilities():
    accepts = b"\x0a\x04\x12\x02\x08\x01"
    assert probe._accepts_results(accepts)
    assert not probe._accepts_results(b"\x0a\x04\x12\x02\x08\x00")
    assert not probe._accepts_results(b"\x0a\x02\x12\x00")
    assert not probe._accepts_results(b"\x2a\x02\x08\x02")
    executes = b"\x12\x02\x10\x01"
    assert probe._executes(accepts + executes)
    assert not probe._executes(accepts)
    assert not probe._executes(b"\x12\x02\x10\x00")
