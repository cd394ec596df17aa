"""Builds with --config=remote-cache: both protocols, both Bazels, whatever the cache does."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping

import pytest
from runfiles import Runfiles

from tools.remote import engine, remote, testing
from tools.remote.grpc_cache import GrpcCache
from tools.remote.nginx import Nginx
from tools.remote.settings import RemoteError, Settings
from tools.remote.slow_proxy import SlowProxy

_SECRET = "the secret of a test, of forty characters"
_STARTUP = "--host_jvm_args=-XX:TieredStopAtLevel=1"  # half of the time of a short build
_BUILD_SECONDS = 200
_WAIT_SECONDS = 60
_RULES = 4
_TIMEOUT = 3  # --remote_timeout of builds with a slow cache, in seconds

_CONTENT = "echo content {index} > $@"


def _template(name: str) -> str:
    path = Runfiles.Create().Rlocation(f"lenet_mindspore/tools/remote/{name}")
    return pathlib.Path(path).read_text()


def _wait_for(condition, what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


@dataclasses.dataclass(frozen=True)
class Cache:
    """A real server; its name in the engine's state is that of its service."""

    settings: Settings
    server: GrpcCache | Nginx

    @property
    def name(self) -> str:
        return "buildgrid" if isinstance(self.server, GrpcCache) else "nginx"

    @property
    def scheme(self) -> str:
        return "grpc" if isinstance(self.server, GrpcCache) else "http"

    def start(self) -> None:
        file = {"buildgrid": "buildgrid_cache.yml.in", "nginx": "nginx.conf.in"}[self.name]
        engine.start(self.settings, self.server.service(_template(file)))

    def kill(self) -> None:
        for running in engine.read_state(self.settings):
            if running.name == self.name:
                engine.stop(running, at_once=True)

    def variables(self, port: int = 0) -> dict[str, str]:
        """For a build that uses it; by another port if given."""
        return {"LENET_REMOTE_CACHE": f"{self.scheme}://127.0.0.1:{port or self.server.port}"}

    def protected(self) -> Cache:
        """The same, open only to those who know a secret."""
        if isinstance(self.server, Nginx):
            return dataclasses.replace(
                self, server=dataclasses.replace(self.server, password=_SECRET.replace(" ", "-"))
            )
        secret = self.settings.folder / "secret"
        secret.write_text(_SECRET)
        return dataclasses.replace(
            self, server=dataclasses.replace(self.server, token_secret=secret)
        )

    def credentials(self, secret: str) -> dict[str, str]:
        """Variables for a build that knows the secret, or a wrong one."""
        if isinstance(self.server, Nginx):
            return {"LENET_REMOTE_CACHE": self.server.endpoint(secret.replace(" ", "-"))}
        return {**self.variables(), **testing.bearer(secret)}

    @contextlib.contextmanager
    def read_only(self) -> Iterator[dict[str, str]]:
        """Variables for a build that may not store anything."""
        if isinstance(self.server, GrpcCache):
            yield {**self.variables(), "LENET_REMOTE_INSTANCE": "read-only"}
            return
        self.kill()
        fixed = dataclasses.replace(self, server=dataclasses.replace(self.server, read_only=True))
        fixed.start()
        yield fixed.variables()

    def stored(self, *parts: str) -> list[pathlib.Path]:
        """The files of the store that hold all of the parts."""
        return [
            path
            for path in self.server.files.rglob("*")
            if path.is_file() and all(part.encode() in path.read_bytes() for part in parts)
        ]


@dataclasses.dataclass(frozen=True)
class Result:
    """What a build said, and how long it took."""

    code: int
    output: str
    seconds: float

    @property
    def warnings(self) -> list[str]:
        """Their first lines; Debian's own options are deprecated."""
        return re.findall("WARNING: (?!.* is deprecated).*", self.output)

    @property
    def processes(self) -> dict[str, int]:
        """Number of actions by how they ran."""
        (line,) = re.findall(r"INFO: \d+ process\w*: (.*)\.$", self.output, re.MULTILINE)
        return {name: int(number) for number, name in re.findall(r"(\d+) ([^,]+)", line)}

    @property
    def hits(self) -> int:
        return self.processes.get("remote cache hit", 0)

    @property
    def ran(self) -> int:
        """Number of actions that ran here."""
        not_here = ("internal", "remote cache hit")
        return sum(number for name, number in self.processes.items() if name not in not_here)


@dataclasses.dataclass(frozen=True)
class Client:
    """One of the two Bazels."""

    settings: Settings
    version: str

    def start(
        self, workspace: testing.Workspace, variables: Mapping[str, str], command: str, *rest: str
    ) -> subprocess.Popen[str]:
        everything = [_STARTUP, command, "--config=remote-cache", "--noshow_progress", *rest]
        if self.version == "4.2.3":
            return workspace.start_bazel4(*everything, variables=variables)
        return workspace.start(self.settings, *everything, variables=variables)

    def run(
        self,
        workspace: testing.Workspace,
        variables: Mapping[str, str],
        *arguments: str,
        green: bool = True,
    ) -> Result:
        begun = time.monotonic()
        process = self.start(workspace, variables, *(arguments or ("build", "//...")))
        return self.result(process, begun, green=green)

    def result(self, process: subprocess.Popen[str], begun: float, *, green: bool = True) -> Result:
        try:
            output, _ = process.communicate(timeout=_BUILD_SECONDS)
        finally:
            process.kill()  # does nothing to one that has ended
        result = Result(process.returncode, output, time.monotonic() - begun)
        print(self.version, f"{result.seconds:.1f} s\n{output}")  # pytest shows it on failure
        assert not green or result.code == 0
        return result

    def home(self, workspace: testing.Workspace) -> str:
        """The workspace's home as its actions see it."""
        return str(workspace.home) if self.version == "4.2.3" else "/home/builder"


@pytest.fixture
def settings() -> Iterator[Settings]:
    made = testing.settings()
    missing = ""
    try:
        remote.check_machine()
        remote.image_id(made)
    except RemoteError as error:
        missing = str(error)
    if missing:
        made.folder.rmdir()
        pytest.fail(missing, pytrace=False)
    made.state_file.write_text("[]")
    # Bazel ends a test that takes too long; what runs in sessions of its own must end with it.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by a signal"))
    try:
        yield made
    finally:
        engine.stop_all(made)


@pytest.fixture(params=["4.2.3", "7.7.1"])
def client(request: pytest.FixtureRequest, settings: Settings) -> Client:
    return Client(settings, request.param)


@pytest.fixture(params=["grpc", "http"])
def cache(request: pytest.FixtureRequest, settings: Settings) -> Cache:
    """Not started."""
    folder, port = settings.folder / "cache", testing.free_port()
    if request.param == "grpc":
        return Cache(settings, GrpcCache(folder, port))
    return Cache(settings, Nginx(settings.image, folder, port))


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Iterator:
    """Makes workspaces, each with an output base of its own, in other folders."""
    count = 0

    def made(rules: str = testing.genrules(_RULES, _CONTENT), files=None) -> testing.Workspace:
        nonlocal count
        count += 1
        return testing.Workspace.make(tmp_path / f"clone{count}", rules, files)

    yield made
    shutil.rmtree(tmp_path, ignore_errors=True)  # pytest keeps the last three


def _check_outputs(workspace: testing.Workspace, number: int = _RULES) -> None:
    for index in range(number):
        assert workspace.output(f"out{index}").read_text() == f"content {index}\n"


def test_second_clone_runs_nothing(cache, client, make):
    cache.start()
    test = 'sh_test(name = "check", size = "small", srcs = ["check.sh"], data = [":out0"])\n'
    files = {"check.sh": "#!/bin/sh\ngrep 'content 0' out0\n"}
    results = []
    for _ in range(2):
        workspace = make(testing.genrules(_RULES, _CONTENT) + test, files)
        (workspace.folder / "check.sh").chmod(0o755)
        results.append(client.run(workspace, cache.variables(), "test", "//..."))
        _check_outputs(workspace)
    first, second = results
    assert first.hits == 0 and first.ran >= _RULES + 1
    assert second.ran == 0 and second.hits == first.ran
    assert "(cached) PASSED" in second.output
    assert first.warnings + second.warnings == []


def test_cache_that_is_down_costs_one_warning(cache, client, make):
    workspace = make()
    result = client.run(workspace, cache.variables())  # nothing listens
    _check_outputs(workspace)
    assert result.ran == _RULES
    assert result.warnings == [
        "WARNING: remote cache unusable: Connection refused; building without it"
    ]


def _chain(number: int, flag: str) -> str:
    """out0, and others that wait for the flag after it."""
    rules = [testing.genrules(1, _CONTENT)]
    wait = f"while [ ! -e {flag} ]; do sleep 0.1; done"
    for index in range(1, number):
        rules.append(
            f'genrule(name = "rule{index}", srcs = [":out0"], outs = ["out{index}"], '
            f'cmd = "{wait}; echo content {index} > $@")\n'
        )
    return "".join(rules)


def _build_while(cache: Cache, client: Client, make, happens, port: int = 0) -> Result:
    """A build of which `happens` comes in the middle: out0 is stored, nothing else is."""
    workspace = make()
    rules = _chain(_RULES, f"{client.home(workspace)}/flag")
    (workspace.folder / "BUILD").write_text(rules)
    begun = time.monotonic()
    options = ("build", "//...", f"--remote_timeout={_TIMEOUT}", "--jobs=2")
    process = client.start(workspace, cache.variables(port), *options)
    try:
        _wait_for(lambda: cache.stored("content 0\n"), "the first result")
        happens()
    finally:
        (workspace.home / "flag").touch()
        result = client.result(process, begun)
    _check_outputs(workspace)
    assert result.ran == _RULES
    return result


def test_cache_that_dies_in_the_middle_of_a_build(cache, client, make):
    cache.start()
    result = _build_while(cache, client, make, cache.kill)
    # Bazel has one for each new text: of reading, and of writing ("2 errors", "3 errors").
    assert 1 <= len(result.warnings) <= 1 + _RULES
    assert result.seconds < 120


def test_cache_that_is_slow_costs_one_warning_and_five_seconds(cache, client, make):
    cache.start()
    port = testing.free_port()
    workspace = make()
    with SlowProxy(port, cache.server.port, delay=60).running():
        result = client.run(workspace, cache.variables(port))
    _check_outputs(workspace)
    assert result.ran == _RULES
    assert result.warnings == [
        "WARNING: remote cache unusable: no answer in 5 seconds; building without it"
    ]
    assert result.seconds < 120


def test_cache_that_becomes_slow_in_the_middle_of_a_build(cache, client, make):
    cache.start()
    port = testing.free_port()
    with SlowProxy(port, cache.server.port, delay=0).running() as proxy:
        result = _build_while(cache, client, make, lambda: setattr(proxy, "delay", 60), port)
    # Reading and writing of each of the rules under way wait for one timeout, and for its repeat.
    assert result.seconds < 120 + 4 * _TIMEOUT * _RULES
    assert 1 <= len(result.warnings) <= 2 * _RULES


def test_read_only_cache_still_answers(cache, client, make):
    cache.start()
    client.run(make(), cache.variables())
    before = len(cache.stored())
    workspace = make(testing.genrules(_RULES + 2, _CONTENT))
    with cache.read_only() as variables:
        result = client.run(workspace, variables)
    _check_outputs(workspace, _RULES + 2)
    assert result.hits == _RULES and result.ran == 2
    assert result.warnings == ["WARNING: remote cache read-only: results are not stored"]
    assert len(cache.stored()) == before


def _damage(cache: Cache) -> int:
    """Flips, cuts, empties and deletes blobs, and breaks an entry; the number of rules it hits."""
    for index, change in enumerate(
        [
            lambda content: bytes([content[0] ^ 1]) + content[1:],
            lambda content: content[:-1],
            lambda _: b"",
        ]
    ):
        (blob,) = [
            path for path in cache.stored() if path.read_text("latin1") == f"content {index}\n"
        ]
        blob.write_bytes(change(blob.read_bytes()))
    (missing,) = [path for path in cache.stored() if path.read_text("latin1") == "content 3\n"]
    missing.unlink()
    # Results name the digests of outputs; commands do not.
    (entry,) = cache.stored("out4", hashlib.sha256(b"content 4\n").hexdigest())
    entry.write_bytes(b"\xff\xfe no result of an action")
    return 5


def test_damaged_store_is_never_believed(cache, client, make):
    cache.start()
    rules = testing.genrules(6, _CONTENT)
    client.run(make(rules), cache.variables())
    damaged = _damage(cache)
    workspace = make(rules)
    result = client.run(workspace, cache.variables())
    _check_outputs(workspace, 6)
    assert result.ran == damaged and result.hits == 1
    assert len(result.warnings) == damaged - 1  # one for each, and none of what is not there


def test_damaged_input_of_an_action_that_runs_here(cache, client, make):
    """Bazel 7 may leave outputs that only actions need in the cache, until it is too late."""
    top = 'name = "top", srcs = [":out0", "file"], outs = ["all"], cmd = "cat $(SRCS) > $@"'
    rules = testing.genrules(1, _CONTENT) + f"genrule({top})\n"
    cache.start()
    client.run(make(rules, {"file": "old\n"}), cache.variables(), "build", "//:top")
    (blob,) = [path for path in cache.stored() if path.read_text("latin1") == "content 0\n"]
    blob.write_bytes(b"contents0\n")
    workspace = make(rules, {"file": "new\n"})
    client.run(workspace, cache.variables(), "build", "//:top")
    assert workspace.output("all").read_text() == "content 0\nnew\n"


@pytest.mark.parametrize("secret", ["wrong", "missing"])
def test_wrong_credentials_cost_one_warning(cache, client, make, secret):
    locked = cache.protected()
    locked.start()
    variables = locked.credentials("x" * 40) if secret == "wrong" else locked.variables()
    workspace = make()
    result = client.run(workspace, variables)
    _check_outputs(workspace)
    assert result.ran == _RULES
    assert len(result.warnings) == 1
    reason = "401 Unauthorized" if cache.scheme == "http" else "LENET_REMOTE_HEADER"
    assert reason in result.warnings[0]
    assert not locked.stored("content")


def test_right_credentials(cache, client, make):
    locked = cache.protected()
    locked.start()
    for hits in (0, _RULES):
        result = client.run(make(), locked.credentials(_SECRET))
        assert result.hits == hits
        assert result.warnings == []


def test_missing_endpoint_is_an_error(client, make):
    variables = {"LENET_REMOTE_CACHE": ""}
    result = client.run(make(), variables, green=False)
    assert result.code == 2
    assert re.fullmatch(r"tools/bazel: --config=remote-cache needs .*\n", result.output)
