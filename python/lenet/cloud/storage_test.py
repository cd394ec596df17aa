"""Transfers against a moto S3 server with faults, a fake moxing, and folders of this machine."""

import os
import pathlib
import signal
import subprocess
import sys
import types

import pytest
from absl import logging

from lenet import errors
from lenet.cloud import object_store, storage
from lenet.testing import object_storage

FILES = {"train/a.bin": b"a" * 5000, "test/b.bin": bytes(range(256)) * 300, "c d+ü.txt": b"c"}
MEBI = 1 << 20
BIG = {"big.bin": b"a" * 5 * MEBI + b"b" * 5 * MEBI + b"c" * 1000}  # three parts, all different
SECRETS = (object_storage.SECRET, "wr0ng", "AKIDWRONG", "AKIDTEST")


@pytest.fixture(scope="module")
def running():
    with object_storage.Server() as server:
        yield server


@pytest.fixture
def server(running, monkeypatch):
    running.reset()
    for variable, value in running.environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(object_store, "_moxing", lambda: None)
    monkeypatch.setattr(storage, "_DELAYS", (0, 0, 0))
    delay = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(delay, lambda *_: 0.001)
    return running


@pytest.fixture
def parts(server, monkeypatch):
    """The server, with parts of 5 MiB, the minimum of S3; at the end no upload is incomplete."""
    monkeypatch.setattr(object_store, "_PART_BYTES", 5 * MEBI)
    yield server
    server.fail([])
    assert server.incomplete_uploads() == []


@pytest.fixture
def fetch(tmp_path):
    """Fetches a URL into a folder and returns its files."""

    def run(url="s3://bucket/data", **options):
        storage.fetch(url, str(tmp_path / "in"), **options)
        return contents(tmp_path / "in")

    return run


@pytest.fixture
def send(tmp_path):
    """Sends files with the given contents."""

    def run(files=FILES, url="s3://bucket/out"):
        for name, content in files.items():
            path = tmp_path / "out" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        storage.send({name: str(tmp_path / "out" / name) for name in files}, url)

    return run


def contents(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def put(server):
    for name, content in FILES.items():
        server.put(f"data/{name}", content)


def requests(server, method, since):
    return sorted(key for kind, key in server.log()[since:] if kind == method)


def test_folder_is_fetched_and_sent(server, fetch, send):
    put(server)
    server.put("data/made-in-a-browser/", b"")
    server.put("database/other", b"has the same prefix")
    assert fetch() == FILES
    send()
    sent = {key: value for key, value in server.objects().items() if key.startswith("out/")}
    assert sent == {f"out/{name}": content for name, content in FILES.items()}


def test_obs_url_with_an_endpoint_without_scheme(server, fetch, monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", server.url.removeprefix("http://"))
    monkeypatch.setenv("S3_USE_HTTPS", "0")
    put(server)
    assert fetch("obs://bucket/data/") == FILES


def test_single_file_is_fetched(server, fetch):
    put(server)
    assert fetch("s3://bucket/data/test/b.bin") == {"b.bin": FILES["test/b.bin"]}


def test_listing_of_several_pages(server, fetch, monkeypatch):
    monkeypatch.setattr(object_store, "_PAGE_SIZE", 1)
    put(server)
    assert fetch() == FILES


def test_only_different_files_are_fetched(server, fetch, tmp_path):
    put(server)
    fetch()
    (tmp_path / "in" / "train" / "a.bin").write_bytes(b"b" * 5000)  # the size is the same
    before = len(server.log())
    assert fetch() == FILES
    assert requests(server, "GET", before)[1:] == ["data/train/a.bin"]  # [0] is the listing


def test_only_missing_files_are_sent(server, send):
    send()
    before = len(server.log())
    send(FILES | {"new": b"new"})
    assert requests(server, "PUT", before) == ["out/new"]


@pytest.mark.parametrize("kind", ["500", "503", "truncate", "damage"])
def test_download_succeeds_after_faults(server, fetch, kind):
    put(server)
    server.fail([("GET", "a.bin", kind, 2), ("HEAD", "b.bin", "500", 1)])
    assert fetch() == FILES


@pytest.mark.parametrize("kind", ["500", "503", "damage_request"])
def test_upload_succeeds_after_faults(server, send, kind):
    server.fail([("PUT", "a.bin", kind, 2)])
    send()
    assert server.objects()["out/train/a.bin"] == FILES["train/a.bin"]


def test_slow_response_is_not_repeated(server, fetch):
    put(server)
    server.fail([("GET", "a.bin", "slow", 1)])
    before = len(server.log())
    assert fetch() == FILES
    assert requests(server, "GET", before).count("data/train/a.bin") == 1


def test_response_that_stalls_is_repeated(server, fetch, monkeypatch):
    monkeypatch.setenv(object_store.TIMEOUT_VARIABLE, "3")
    put(server)
    server.fail([("GET", "a.bin", "stall", 1)])
    assert fetch() == FILES


@pytest.mark.parametrize("kind", ["500", "truncate", "damage"])
def test_failed_download_leaves_no_file(server, fetch, tmp_path, kind):
    put(server)
    server.fail([("GET", "a.bin", kind, 100)])
    with pytest.raises(errors.LenetError, match=r"gave up after \w* attempts") as caught:
        fetch()
    assert caught.value.exit_code == 1
    found = contents(tmp_path / "in")
    assert "train/a.bin" not in found
    assert found.items() <= FILES.items()


def test_damage_is_reported_with_checksums(server, fetch):
    put(server)
    server.fail([("GET", "a.bin", "damage", 100)])
    with pytest.raises(errors.LenetError, match="arrived damaged: expected etag .*, found "):
        fetch()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIDWRONG", r"access denied \(InvalidAccessKeyId\); check AWS"),
        ("AWS_SECRET_ACCESS_KEY", "wr0ng", r"access denied \(SignatureDoesNotMatch\); check AWS"),
        ("AWS_ACCESS_KEY_ID", "", "s3:// needs AWS_ACCESS_KEY_ID in the environment"),
        ("AWS_SECRET_ACCESS_KEY", "", "s3:// needs AWS_SECRET_ACCESS_KEY in the environment"),
    ],
)
def test_wrong_credentials_are_one_line_without_secrets_or_retries(
    server, fetch, send, monkeypatch, caplog, variable, value, message
):
    monkeypatch.setenv(variable, value)
    for transfer in (fetch, lambda: send({"a": b""})):
        before = len(server.log())
        with pytest.raises(errors.UserError, match=message) as caught:
            transfer()
        assert "\n" not in str(caught.value)
        assert not any(secret in str(caught.value) + caplog.text for secret in SECRETS)
        # Without a response body to a HEAD request the error has no code, so GET comes first.
        assert len(server.log()) - before <= 1
        message = "access denied" if value else message
    assert server.objects() == {}


def test_no_secret_appears_in_a_debug_log(server, fetch, caplog):
    put(server)
    server.fail([("GET", "", "500", 100)])
    logging.set_verbosity(logging.DEBUG)
    try:
        with pytest.raises(errors.LenetError) as caught:
            fetch()
    finally:
        logging.set_verbosity(logging.WARNING)
    assert object_storage.SECRET not in str(caught.value) + caplog.text


def test_big_file_is_sent_in_parts_and_fetched(parts, fetch, send):
    before = len(parts.log())
    send(BIG)
    assert requests(parts, "PUT", before) == ["out/big.bin"] * 3
    assert parts.objects() == {"out/big.bin": BIG["big.bin"]}
    assert fetch("s3://bucket/out") == BIG
    before = len(parts.log())
    send(BIG)
    assert requests(parts, "PUT", before) == []


def test_damaged_big_file_is_detected_by_its_checksum(parts, fetch, send):
    send(BIG)
    parts.fail([("GET", "big.bin", "damage", 100)])
    with pytest.raises(errors.LenetError, match="arrived damaged: expected sha256"):
        fetch("s3://bucket/out")


@pytest.mark.parametrize("kind", ["500", "503", "damage_request"])
def test_upload_of_parts_succeeds_after_a_fault(parts, send, kind):
    parts.fail([("PUT", "big.bin", kind, 1)])
    send(BIG)
    assert parts.objects() == {"out/big.bin": BIG["big.bin"]}


@pytest.mark.parametrize(
    ("method", "kind"), [("PUT", "500"), ("PUT", "damage_request"), ("POST", "500")]
)
def test_failed_upload_of_parts_leaves_nothing(parts, send, method, kind):
    parts.fail([(method, "big.bin", kind, 100), ("DELETE", "big.bin", "500", 2)])
    with pytest.raises(errors.LenetError, match=r"gave up after \d attempts"):
        send(BIG)
    assert parts.objects() == {}


def test_parts_that_cannot_be_removed_are_reported(parts, send, caplog):
    parts.fail([("PUT", "big.bin", "500", 100), ("DELETE", "big.bin", "500", 100)])
    with pytest.raises(errors.LenetError, match="gave up after 6 attempts"):
        send(BIG)
    assert "an incomplete upload of out/big.bin is left in the bucket" in caplog.text
    assert set(parts.incomplete_uploads()) == {"out/big.bin"}
    parts.fail([])
    parts.abort_uploads()


def test_missing_bucket(server, fetch, send):
    for attempt in (lambda: fetch("s3://none/data"), lambda: send(url="s3://none/out")):
        with pytest.raises(errors.UserError, match="s3://none/.*: no such bucket"):
            attempt()


def test_missing_source_is_an_error_if_required(server, fetch):
    with pytest.raises(errors.UserError, match="s3://bucket/data: nothing is there"):
        fetch()
    assert fetch(required=False) == {}


def test_unreachable_server(server, fetch, monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(errors.LenetError, match="EndpointConnectionError; gave up after"):
        fetch()


@pytest.mark.parametrize(
    ("url", "variable", "value", "message"),
    [
        ("http://host/data", "", "", "expected file://, obs://, s3:// or an absolute path"),
        ("data", "", "", "expected file://"),
        ("s3:///data", "", "", "the bucket name is missing"),
        ("s3://AKIDWRONG:wr0ng@bucket/x", "", "", "holds a name or password"),
        ("obs://bucket/data", "S3_ENDPOINT", "", "obs:// needs S3_ENDPOINT"),
        ("s3://b/x", "LENET_S3_TIMEOUT", "soon", "LENET_S3_TIMEOUT=soon: expected a number"),
    ],
)
def test_wrong_url_or_setting(server, fetch, monkeypatch, url, variable, value, message):
    if variable:
        monkeypatch.setenv(variable, value)
    with pytest.raises(errors.UserError, match=message) as caught:
        fetch(url)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_region_comes_from_the_environment_or_the_obs_host(monkeypatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    assert object_store._region("https://obs.cn-north-4.myhuaweicloud.com") == "cn-north-4"
    assert object_store._region("https://s3.example.org") == "us-east-1"
    assert object_store._region("") == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "mars-1")
    assert object_store._region("https://obs.cn-north-4.myhuaweicloud.com") == "mars-1"


def test_name_outside_of_the_target_folder_is_refused(fetch, monkeypatch):
    listed = types.SimpleNamespace(list=lambda: ["../out"], content=lambda name: None)
    monkeypatch.setattr(object_store, "open_store", lambda url: listed)
    with pytest.raises(errors.LenetError, match="'../out' is outside of the target folder"):
        fetch()


def test_target_folder_cannot_be_created(server, fetch, tmp_path):
    put(server)
    (tmp_path / "in").touch()
    with pytest.raises(errors.UserError, match="cannot create the folder"):
        fetch()


_SENDER = """
import sys
from lenet.cloud import storage
folder = sys.argv[1]
storage.send({name: f"{folder}/{name}" for name in sys.argv[2:]}, "s3://bucket/out")
"""


@pytest.fixture
def held_upload(server, tmp_path):
    """A process that sends four files; the request of the last one is held."""
    names = [f"{number}.bin" for number in range(4)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 1000)
    server.fail([("PUT", "3.bin", "hold", 1)])
    command = [sys.executable, "-c", _SENDER, str(tmp_path), *names]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    server.wait_until_held()
    # A sent file is complete when its checksum has been requested for the second time.
    while any(server.log().count(("HEAD", f"out/{name}")) < 2 for name in names[:3]):
        assert process.poll() is None
    yield process, {name: str(tmp_path / name) for name in names}
    server.release()


def test_killed_upload_is_completed_by_the_next_one(server, held_upload):
    process, paths = held_upload
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(server.log())
    storage.send(paths, "s3://bucket/out")
    assert requests(server, "PUT", before) == ["out/3.bin"]
    assert len(server.objects()) == 4


def test_interrupted_upload_completes_the_current_files(server, held_upload):
    process, _ = held_upload
    process.send_signal(signal.SIGINT)
    server.release()
    assert process.wait() != 0
    assert len(server.objects()) == 4
    assert server.incomplete_uploads() == []


def test_folders_of_this_machine(tmp_path, fetch, send):
    for url in (f"file://{tmp_path}/store", f"{tmp_path}/plain"):
        send(url=url)
        assert fetch(url) == FILES
    assert contents(tmp_path / "plain") == FILES  # without temporary files
    assert fetch(f"{tmp_path}/plain/test/b.bin")["b.bin"] == FILES["test/b.bin"]


def test_failed_write_to_a_folder_keeps_the_old_file(tmp_path, send, monkeypatch):
    send({"a": b"old"}, url=f"{tmp_path}/store")

    def fails(_, target):
        pathlib.Path(target).write_bytes(b"ne")
        raise OSError(28, "No space left on device", target)

    monkeypatch.setattr("shutil.copyfile", fails)
    with pytest.raises(OSError, match="No space left"):
        send({"a": b"new content"}, url=f"{tmp_path}/store")
    assert contents(tmp_path / "store") == {"a": b"old"}


class FakeMoxing:
    """The documented functions of moxing.file, on a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.failures = []
        self.file = self

    def _path(self, url):
        if not url.startswith("obs://"):
            return pathlib.Path(url)
        if self.failures:
            raise self.failures.pop()
        return self.folder / url.removeprefix("obs://")

    def exists(self, url):
        return self._path(url).exists()

    def is_directory(self, url):
        return self._path(url).is_dir()

    def get_size(self, url):
        return self._path(url).stat().st_size

    def list_directory(self, url, recursive=False):
        assert recursive
        root = self._path(url)
        return [str(path.relative_to(root)) for path in root.rglob("*")]

    def copy(self, source, target):
        self._path(target).parent.mkdir(parents=True, exist_ok=True)
        self._path(target).write_bytes(self._path(source).read_bytes())


def test_moxing_is_used_where_it_is_installed(tmp_path, fetch, send, monkeypatch):
    monkeypatch.setattr(storage, "_DELAYS", (0, 0))
    moxing = FakeMoxing(tmp_path / "obs")
    monkeypatch.setitem(sys.modules, "moxing", moxing)
    moxing.failures = [RuntimeError("busy")]
    send(url="obs://bucket/out")
    assert contents(tmp_path / "obs" / "bucket" / "out") == FILES
    assert fetch("obs://bucket/out") == FILES
    moxing.failures = [RuntimeError("busy")] * 3
    with pytest.raises(errors.LenetError, match="in moxing; gave up after 3 attempts"):
        fetch("obs://bucket/out")
    moxing.failures = [PermissionError("denied")]
    with pytest.raises(errors.UserError, match="obs://bucket/out: PermissionError in moxing"):
        fetch("obs://bucket/out")
