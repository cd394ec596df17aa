"""Against an S3 server in a process of its own, with faults; and against the disk and memory."""

import os
import signal
import subprocess
import sys
import types

import fsspec
import pytest
from absl import logging

from lenet import errors
from lenet.cloud import retry, s3, storage, stores
from lenet.testing import object_storage

QUICK = retry.Retry(attempts=4, first=0.001, longest=0.002)
FILES = {"train/a.bin": b"a" * 5000, "test/b.bin": bytes(range(256)) * 300, "c d+ü.txt": b"c"}


@pytest.fixture(scope="module")
def running():
    with object_storage.Server() as server:
        yield server


@pytest.fixture
def server(running, monkeypatch):
    running.reset()
    for variable, value in running.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(stores, "_moxing", lambda: None)
    return running


@pytest.fixture
def fetch(tmp_path):
    """Fetches into a folder of the test, and says what is there."""

    def run(url="s3://bucket/data", **options):
        storage.fetch(url, str(tmp_path / "in"), retry=QUICK, **options)
        return contents(tmp_path / "in")

    return run


@pytest.fixture
def send(tmp_path):
    """Sends files with these contents."""

    def run(wanted=FILES, url="s3://bucket/out"):
        paths = {}
        for name, content in wanted.items():
            path = tmp_path / "out" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            paths[name] = str(path)
        storage.send(paths, url, retry=QUICK)

    return run


def contents(folder):
    """By name, of all files, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def put(server, prefix="data"):
    for name, content in FILES.items():
        server.put(f"{prefix}/{name}", content)


def requests(server, method, since):
    return sorted(key for kind, key in server.log()[since:] if kind == method)


def test_a_folder_comes_whole_and_goes_whole(server, fetch, send):
    put(server)
    server.put("data/made-in-a-browser/", b"")
    server.put("database/other", b"not ours")
    assert fetch() == FILES
    send()
    found = server.objects()
    assert {k: v for k, v in found.items() if k.startswith("out/")} == {
        f"out/{name}": content for name, content in FILES.items()
    }


def test_obs_is_reached_by_s3(server, fetch, monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", server.url.removeprefix("http://"))
    monkeypatch.setenv("S3_USE_HTTPS", "0")
    put(server)
    assert fetch("obs://bucket/data/") == FILES


def test_a_file_is_fetched_by_its_own_url(server, fetch):
    put(server)
    assert fetch("s3://bucket/data/test/b.bin") == {"b.bin": FILES["test/b.bin"]}


def test_more_objects_than_a_page_of_the_listing(server, fetch, monkeypatch):
    put(server)
    original = s3.S3Store._call

    def in_pages_of_one(self, method, **arguments):
        extra = {"MaxKeys": 1} if method == "list_objects" else {}
        return original(self, method, **arguments, **extra)

    monkeypatch.setattr(s3.S3Store, "_call", in_pages_of_one)
    assert fetch() == FILES


def test_what_is_there_is_not_fetched_again(server, fetch, tmp_path):
    put(server)
    fetch()
    (tmp_path / "in" / "train" / "a.bin").write_bytes(b"b" * 5000)  # of the same size
    before = len(server.log())
    assert fetch() == FILES
    assert requests(server, "GET", before)[1:] == ["data/train/a.bin"]  # after the listing


def test_what_is_there_is_not_sent_again(server, send):
    send()
    before = len(server.log())
    send(FILES | {"new": b"new"})
    assert requests(server, "PUT", before) == ["out/new"]


@pytest.mark.parametrize("kind", ["500", "503", "truncate", "damage"])
def test_a_download_that_fails_and_then_works(server, fetch, kind):
    put(server)
    server.fail([("GET", "a.bin", kind, 2), ("HEAD", "b.bin", "500", 1)])
    assert fetch() == FILES


@pytest.mark.parametrize("kind", ["500", "503", "damage_request"])
def test_an_upload_that_fails_and_then_works(server, send, kind):
    server.fail([("PUT", "a.bin", kind, 2)])
    send()
    assert server.objects()["out/train/a.bin"] == FILES["train/a.bin"]


def test_a_server_that_answers_slowly_is_waited_for(server, fetch):
    put(server)
    server.fail([("GET", "a.bin", "slow", 1)])
    before = len(server.log())
    assert fetch() == FILES
    assert requests(server, "GET", before).count("data/train/a.bin") == 1


def test_a_server_that_stops_in_a_body_is_asked_again(server, fetch, monkeypatch):
    monkeypatch.setenv(s3.TIMEOUT_VARIABLE, "0.3")
    put(server)
    server.fail([("GET", "a.bin", "stall", 1)])
    assert fetch() == FILES


@pytest.mark.parametrize("kind", ["500", "truncate", "damage"])
def test_a_download_that_never_works_leaves_no_file(server, fetch, tmp_path, kind):
    put(server)
    server.fail([("GET", "a.bin", kind, 100)])
    with pytest.raises(errors.LenetError, match="gave up after 4 attempts") as caught:
        fetch()
    assert caught.value.exit_code == 1
    found = contents(tmp_path / "in")
    assert "train/a.bin" not in found
    assert found.items() <= FILES.items()


def test_a_damaged_file_says_what_was_expected(server, fetch):
    put(server)
    server.fail([("GET", "a.bin", "damage", 100)])
    with pytest.raises(errors.LenetError, match="arrived damaged: expected md5 .*, found "):
        fetch()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIDWRONG"}, r"s3://bucket/data: access denied \(\w*\); check AWS"),
        ({"AWS_SECRET_ACCESS_KEY": "wr0ng/secret"}, r"access denied \(\w*\); check AWS"),
        ({"AWS_ACCESS_KEY_ID": ""}, "s3:// needs AWS_ACCESS_KEY_ID in the environment"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "s3:// needs AWS_SECRET_ACCESS_KEY in the environment"),
    ],
)
def test_wrong_credentials_are_one_line_without_them_and_no_retry(
    server, fetch, monkeypatch, caplog, changes, message
):
    for variable, value in changes.items():
        monkeypatch.setenv(variable, value)
    before = len(server.log())
    with pytest.raises(errors.UserError, match=message) as caught:
        fetch()
    text = str(caught.value) + caplog.text
    assert "\n" not in str(caught.value)
    for secret in (object_storage.SECRET, "wr0ng", "AKIDWRONG", "AKIDTEST"):
        assert secret not in text
    assert len(server.log()) - before <= 1


@pytest.mark.parametrize(
    ("variable", "code"),
    [
        ("AWS_ACCESS_KEY_ID", "InvalidAccessKeyId"),
        ("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_credentials_are_refused_by_the_server(server, fetch, monkeypatch, variable, code):
    monkeypatch.setenv(variable, "WRONG")
    with pytest.raises(errors.UserError, match=rf"s3://bucket/data: access denied \({code}\)"):
        fetch()


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_for_an_upload(server, send, monkeypatch, variable):
    monkeypatch.setenv(variable, "WRONG")
    with pytest.raises(errors.UserError, match="s3://bucket/out: access denied"):
        send()
    assert server.objects() == {}


MEBI = 1 << 20
# Three pieces, all different, of the least size that S3 takes.
BIG = {"big.bin": b"a" * 5 * MEBI + b"b" * 5 * MEBI + b"c" * 1000}


@pytest.fixture
def pieces(server, monkeypatch):
    """Pieces of 5 MiB; gives the server."""
    monkeypatch.setattr(s3, "_PIECE", 5 * MEBI)
    monkeypatch.setattr(s3, "_ABORT", QUICK)
    yield server
    server.fail([])
    assert server.half_sent() == []


def test_a_big_file_goes_in_pieces_and_comes_back(pieces, fetch, send):
    before = len(pieces.log())
    send(BIG)
    assert requests(pieces, "PUT", before) == ["out/big.bin"] * 3
    assert pieces.objects() == {"out/big.bin": BIG["big.bin"]}
    assert fetch("s3://bucket/out") == BIG
    before = len(pieces.log())
    send(BIG)
    assert requests(pieces, "PUT", before) == []


def test_a_big_file_that_came_damaged_is_found_by_its_checksum(pieces, fetch, send):
    send(BIG)
    pieces.fail([("GET", "big.bin", "damage", 100)])
    with pytest.raises(errors.LenetError, match="arrived damaged: expected sha256"):
        fetch("s3://bucket/out")


@pytest.mark.parametrize("kind", ["500", "503", "damage_request"])
def test_a_piece_that_fails_and_then_works(pieces, send, kind):
    pieces.fail([("PUT", "big.bin", kind, 1)])
    send(BIG)
    assert pieces.objects() == {"out/big.bin": BIG["big.bin"]}


@pytest.mark.parametrize(
    ("method", "kind"), [("PUT", "500"), ("PUT", "damage_request"), ("POST", "500")]
)
def test_pieces_that_never_work_leave_nothing(pieces, send, method, kind):
    pieces.fail([(method, "big.bin", kind, 100), ("DELETE", "big.bin", "500", 2)])
    with pytest.raises(errors.LenetError, match="gave up after 4 attempts"):
        send(BIG)
    assert pieces.objects() == {}


def test_pieces_that_cannot_be_removed_are_told(pieces, send, caplog):
    pieces.fail([("PUT", "big.bin", "500", 100), ("DELETE", "big.bin", "500", 100)])
    with pytest.raises(errors.LenetError, match="gave up after 4 attempts"):
        send(BIG)
    assert "an incomplete upload of out/big.bin is left in the bucket" in caplog.text
    assert set(pieces.half_sent()) == {"out/big.bin"}
    pieces.fail([])
    pieces.remove_half_sent()


def test_an_interruption_between_the_pieces_leaves_nothing(pieces, send, monkeypatch):
    original = s3.S3Store._put_piece

    def interrupted(self, piece, number, upload):
        if number == 2:
            raise KeyboardInterrupt
        return original(self, piece, number, upload)

    monkeypatch.setattr(s3.S3Store, "_put_piece", interrupted)
    with pytest.raises(KeyboardInterrupt):
        send(BIG)
    assert pieces.objects() == {}


def test_a_failure_shows_no_secret_in_the_log(server, fetch, caplog):
    put(server)
    server.fail([("GET", "", "500", 100)])
    logging.set_verbosity(logging.DEBUG)
    try:
        with pytest.raises(errors.LenetError) as caught:
            fetch()
    finally:
        logging.set_verbosity(logging.WARNING)
    assert object_storage.SECRET not in str(caught.value) + caplog.text


def test_a_missing_bucket_is_an_error_of_the_user(server, fetch, send):
    for attempt in (lambda: fetch("s3://none/data"), lambda: send(url="s3://none/out")):
        with pytest.raises(errors.UserError, match="s3://none/.*: no such bucket"):
            attempt()


def test_nothing_at_the_url_is_an_error_unless_it_may_be_so(server, fetch):
    with pytest.raises(errors.UserError, match="s3://bucket/data: nothing is there"):
        fetch()
    assert fetch(required=False) == {}


def test_no_server_at_all_is_an_error_after_some_attempts(server, fetch, monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(errors.LenetError, match="EndpointConnectionError; gave up after 4"):
        fetch()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://host/data", "expected file://, memory://, obs://, s3:// or an absolute path"),
        ("data", "expected file://"),
        ("s3:///data", "the name of the bucket is missing"),
        ("s3://AKIDWRONG:password@bucket/x", "holds a name or password"),
    ],
)
def test_a_bad_url_is_an_error_that_repeats_no_password(server, fetch, url, message):
    with pytest.raises(errors.UserError, match=message) as caught:
        fetch(url)
    assert "password@" not in str(caught.value)
    assert "AKIDWRONG" not in str(caught.value)


def test_obs_needs_an_endpoint(server, fetch, monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", "")
    with pytest.raises(errors.UserError, match="obs:// needs S3_ENDPOINT"):
        fetch("obs://bucket/data")


def test_a_bad_timeout_is_an_error(server, fetch, monkeypatch):
    monkeypatch.setenv(s3.TIMEOUT_VARIABLE, "soon")
    with pytest.raises(errors.UserError, match="LENET_S3_TIMEOUT=soon: expected a number"):
        fetch()


@pytest.mark.parametrize(
    ("endpoint", "region"),
    [
        ("https://obs.cn-north-4.myhuaweicloud.com", "cn-north-4"),
        ("https://s3.example.org", "us-east-1"),
        ("", "us-east-1"),
    ],
)
def test_the_region_of_obs_is_in_the_name_of_its_host(monkeypatch, endpoint, region):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    assert s3._region(endpoint) == region
    monkeypatch.setenv("AWS_REGION", "mars-1")
    assert s3._region(endpoint) == "mars-1"


def test_a_name_that_leads_out_of_the_folder_is_not_fetched(server, fetch, tmp_path):
    listed = types.SimpleNamespace(list=lambda: ["../out"], content=lambda name: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "open_store", lambda url: listed)
        with pytest.raises(errors.LenetError, match="'../out' leads out of the folder"):
            fetch()


def test_a_folder_that_cannot_be_made_is_an_error_of_the_user(server, fetch, tmp_path):
    put(server)
    (tmp_path / "in").touch()
    with pytest.raises(errors.UserError, match="cannot make the folder"):
        fetch()


_SENDER = """
import sys
from lenet.cloud import storage
folder = sys.argv[1]
storage.send({name: f"{folder}/{name}" for name in sys.argv[2:]}, "s3://bucket/out")
"""


def test_an_upload_that_is_killed_goes_on_with_what_is_missing(server, tmp_path, monkeypatch):
    names = [f"{number}.bin" for number in range(4)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 1000)
    server.fail([("PUT", "3.bin", "hold", 1)])
    command = [sys.executable, "-c", _SENDER, str(tmp_path), *names]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    server.wait_until_held()
    # The others are sent when their last question, whether they arrived, was asked.
    last = {f"out/{name}" for name in names[:3]}
    while not last <= {key for kind, key in server.log() if kind == "PUT"} or any(
        server.log().count(("HEAD", key)) < 2 for key in last
    ):
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = len(server.log())
    storage.send({name: str(tmp_path / name) for name in names}, "s3://bucket/out", retry=QUICK)
    assert requests(server, "PUT", before) == ["out/3.bin"]
    assert len(server.objects()) == 4
    server.release()


def test_a_folder_of_this_machine_and_memory(tmp_path, fetch, send):
    for url in (f"file://{tmp_path}/store", f"{tmp_path}/plain", "memory://store/x"):
        send(url=url)
        assert fetch(url) == FILES
    assert contents(tmp_path / "plain") == FILES  # and no temporary file
    assert fsspec.filesystem("memory").cat("store/x/c d+ü.txt") == b"c"


def test_an_interrupted_write_to_a_folder_leaves_what_was_there(tmp_path, send, monkeypatch):
    send({"a": b"old"}, url=f"{tmp_path}/store")

    def fails(self, source, target, **options):
        with open(target, "wb") as file:
            file.write(b"ha")
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.put_file", fails)
    with pytest.raises(OSError, match="No space left"):
        send({"a": b"new content"}, url=f"{tmp_path}/store")
    assert contents(tmp_path / "store") == {"a": b"old"}


class FakeMoxing:
    """The calls of moxing.file that its documentation shows, on a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.failures = []
        self.file = self

    def _path(self, url):
        if not url.startswith("obs://"):
            return url
        if self.failures:
            raise self.failures.pop()
        return url.replace("obs://", f"{self.folder}/")

    def exists(self, url):
        return os.path.exists(self._path(url))

    def is_directory(self, url):
        return os.path.isdir(self._path(url))

    def get_size(self, url):
        return os.path.getsize(self._path(url))

    def list_directory(self, url, recursive=False):
        assert recursive
        root = self._path(url)
        return [
            os.path.relpath(os.path.join(parent, name), root)
            for parent, folders, names in os.walk(root)
            for name in folders + names
        ]

    def copy(self, source, target):
        os.makedirs(os.path.dirname(self._path(target)), exist_ok=True)
        with open(self._path(source), "rb") as file, open(self._path(target), "wb") as copy:
            copy.write(file.read())


def test_moxing_is_used_where_it_is(tmp_path, fetch, send, monkeypatch):
    moxing = FakeMoxing(tmp_path / "obs")
    monkeypatch.setitem(sys.modules, "moxing", moxing)
    moxing.failures = [RuntimeError("busy")]
    send(url="obs://bucket/out")
    assert contents(tmp_path / "obs" / "bucket" / "out") == FILES
    assert fetch("obs://bucket/out") == FILES
    moxing.failures = [PermissionError("denied")]
    with pytest.raises(errors.UserError, match="obs://bucket/out: PermissionError in moxing"):
        fetch("obs://bucket/out")


def test_waiting_times_grow_to_a_limit(monkeypatch):
    delays = []
    monkeypatch.setattr(retry.time, "sleep", delays.append)

    def busy():
        raise retry.TransientError("busy")

    with pytest.raises(errors.LenetError, match="busy; gave up after 6 attempts"):
        retry.call(busy, retry.Retry(first=1, longest=6))
    limits = [1, 2, 4, 6, 6]
    assert all(limit / 2 <= delay <= limit for delay, limit in zip(delays, limits, strict=True))
