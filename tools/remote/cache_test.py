"""Builds with --config=remote-cache: two protocols, two versions of Bazel, and faults."""

from __future__ import annotations

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

from tools.remote import testing
from tools.remote.engine import Settings
from tools.remote.testing import Cache

_STARTUP = "--host_jvm_args=-XX:TieredStopAtLevel=1"  # halves the time of short builds
_BUILD_SECONDS = 200
_RULES = 4
_TIMEOUT = 3  # --remote_timeout of builds with a slow cache, in seconds
_CONTENT = "echo content {index} > $@"


@dataclasses.dataclass(frozen=True)
class Result:
    """Exit code, output and time of a build."""

    code: int
    output: str
    seconds: float

    @property
    def warnings(self) -> list[str]:
        """Warnings, without those about Debian's deprecated options."""
        return re.findall("WARNING: (?!.* is deprecated).*", self.output)

    @property
    def processes(self) -> dict[str, int]:
        """Number of actions per runner."""
        (line,) = re.findall(r"INFO: \d+ process\w*: (.*)\.$", self.output, re.MULTILINE)
        return {name: int(number) for number, name in re.findall(r"(\d+) ([^,]+)", line)}

    @property
    def hits(self) -> int:
        return self.processes.get("remote cache hit", 0)

    @property
    def executed(self) -> int:
        """Number of actions that this machine executed."""
        skipped = ("internal", "remote cache hit")
        return sum(number for name, number in self.processes.items() if name not in skipped)


@dataclasses.dataclass(frozen=True)
class Client:
    """One of the two versions of Bazel."""

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
        code: int = 0,
    ) -> Result:
        begun = time.monotonic()
        process = self.start(workspace, variables, *(arguments or ("build", "//...")))
        return self.result(process, begun, code=code)

    def result(self, process: subprocess.Popen[str], begun: float, *, code: int = 0) -> Result:
        try:
            output, _ = process.communicate(timeout=_BUILD_SECONDS)
        finally:
            process.kill()
        result = Result(process.returncode, output, time.monotonic() - begun)
        print(self.version, f"{result.seconds:.1f} s\n{output}")  # shown if the test fails
        assert result.code == code
        return result

    def home(self, workspace: testing.Workspace) -> str:
        """Returns the path of the workspace's home in its actions."""
        return str(workspace.home) if self.version == "4.2.3" else "/home/builder"


@pytest.fixture
def settings() -> Iterator[Settings]:
    # On SIGTERM, Bazel's timeout, the services must end, too.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("SIGTERM"))
    with testing.new_settings() as made:
        yield made


@pytest.fixture(params=["4.2.3", "7.7.1"])
def client(request: pytest.FixtureRequest, settings: Settings) -> Client:
    return Client(settings, request.param)


@pytest.fixture(params=["grpc", "http"])
def cache(request: pytest.FixtureRequest, settings: Settings) -> Cache:
    """A cache that is not started."""
    return Cache(settings, request.param)


@pytest.fixture
def make(tmp_path: pathlib.Path) -> Iterator:
    """Makes workspaces in different folders, each with its own output base."""
    count = 0

    def made(rules: str = testing.genrules(_RULES, _CONTENT), files=None) -> testing.Workspace:
        nonlocal count
        count += 1
        return testing.Workspace.make(tmp_path / f"clone{count}", rules, files)

    yield made
    shutil.rmtree(tmp_path, ignore_errors=True)  # pytest would keep the last three


def _check_outputs(workspace: testing.Workspace, count: int = _RULES) -> None:
    for index in range(count):
        assert workspace.output(f"out{index}") == f"content {index}\n"


def test_second_clone_executes_nothing(cache, client, make):
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
    assert first.hits == 0 and first.executed >= _RULES + 1
    assert second.executed == 0 and second.hits == first.executed
    assert "(cached) PASSED" in second.output
    assert first.warnings + second.warnings == []


def test_cache_that_is_down_is_one_warning(cache, client, make):
    workspace = make()
    result = client.run(workspace, cache.variables())  # the cache is not started
    _check_outputs(workspace)
    assert result.executed == _RULES
    assert result.warnings == ["WARNING: the remote cache does not answer; building without it"]


def _build_during(cache: Cache, client: Client, make, event, port: int = 0) -> Result:
    """Returns a build during which `event` is called: after out0, the only one stored by then."""
    workspace = make()
    wait = f"while [ ! -e {client.home(workspace)}/flag ]; do sleep 0.1; done"
    rules = [testing.genrules(1, _CONTENT)] + [
        f'genrule(name = "rule{index}", srcs = [":out0"], outs = ["out{index}"], '
        f'cmd = "{wait}; echo content {index} > $@")\n'
        for index in range(1, _RULES)
    ]
    (workspace.folder / "BUILD").write_text("".join(rules))
    begun = time.monotonic()
    options = ("build", "//...", f"--remote_timeout={_TIMEOUT}", "--jobs=2")
    process = client.start(workspace, cache.variables(port=port), *options)
    try:
        testing.wait_for(lambda: bool(cache.stored("content 0\n")), "result in the cache")
        event()
    finally:
        (workspace.home / "flag").touch()
        result = client.result(process, begun)
    _check_outputs(workspace)
    assert result.executed == _RULES
    return result


def test_cache_dies_during_a_build(cache, client, make):
    cache.start()
    result = _build_during(cache, client, make, cache.kill)
    # Bazel prints one warning per text: for reads, and for writes ("2 errors", "3 errors").
    assert 1 <= len(result.warnings) <= 1 + _RULES
    assert result.seconds < 120


def test_cache_becomes_slow_during_a_build(cache, client, make):
    cache.start()
    port = testing.free_port()
    with testing.SlowProxy(port, cache.settings.port, delay=0).running() as proxy:
        result = _build_during(cache, client, make, lambda: setattr(proxy, "delay", 60), port)
    # Each read and write takes a timeout and one retry.
    assert result.seconds < 120 + 4 * _TIMEOUT * _RULES
    assert 1 <= len(result.warnings) <= 2 * _RULES


def test_slow_cache(cache, client, make):
    cache.start()
    port = testing.free_port()
    workspace = make()
    with testing.SlowProxy(port, cache.settings.port, delay=60).running():
        options = ("build", "//...", f"--remote_timeout={_TIMEOUT}")
        result = client.run(workspace, cache.variables(port=port), *options)
    _check_outputs(workspace)
    assert result.executed == _RULES
    assert result.seconds < 120 + 4 * _TIMEOUT * _RULES
    assert 1 <= len(result.warnings) <= 2 * _RULES


def test_read_only_cache(cache, client, make):
    cache.start()
    client.run(make(), cache.variables())
    before = len(cache.stored())
    variables = cache.variables()
    if cache.scheme == "grpc":
        variables["LENET_REMOTE_INSTANCE"] = "read-only"
    else:
        cache.kill()
        dataclasses.replace(cache, read_only=True).start()
    workspace = make(testing.genrules(_RULES + 2, _CONTENT))
    result = client.run(workspace, variables, "build", "//...", "--noremote_upload_local_results")
    _check_outputs(workspace, _RULES + 2)
    assert result.hits == _RULES and result.executed == 2
    assert result.warnings == []
    assert len(cache.stored()) == before


def _blob(cache: Cache, content: str) -> pathlib.Path:
    (found,) = [path for path in cache.stored() if path.read_text("latin1") == content]
    return found


def test_damaged_files_are_not_used(cache, client, make):
    cache.start()
    rules = testing.genrules(6, _CONTENT)
    client.run(make(rules), cache.variables())
    for index, content in enumerate(["Content 0\n", "content 1", ""]):
        _blob(cache, f"content {index}\n").write_text(content)
    _blob(cache, "content 3\n").unlink()
    # The entry of an action has the digest of its output, which the command has not.
    (entry,) = cache.stored("out4", hashlib.sha256(b"content 4\n").hexdigest())
    entry.write_bytes(b"\xff\xfe not an action result")
    workspace = make(rules)
    result = client.run(workspace, cache.variables())
    _check_outputs(workspace, 6)
    assert result.executed == 5 and result.hits == 1
    assert len(result.warnings) == 4  # none for the missing file


def test_damaged_input_of_a_local_action(cache, client, make):
    """Bazel 7 may leave outputs that only actions need in the cache until it is too late."""
    top = 'name = "top", srcs = [":out0", "file"], outs = ["all"], cmd = "cat $(SRCS) > $@"'
    rules = testing.genrules(1, _CONTENT) + f"genrule({top})\n"
    cache.start()
    client.run(make(rules, {"file": "old\n"}), cache.variables(), "build", "//:top")
    _blob(cache, "content 0\n").write_text("contents0\n")
    workspace = make(rules, {"file": "new\n"})
    client.run(workspace, cache.variables(), "build", "//:top")
    assert workspace.output("all") == "content 0\nnew\n"


@pytest.mark.parametrize("secret", ["", "x" * 40])
def test_wrong_credentials(cache, client, make, secret):
    dataclasses.replace(cache, protected=True).start()
    workspace = make()
    result = client.run(workspace, cache.variables(secret=secret))
    _check_outputs(workspace)
    assert result.executed == _RULES
    assert 1 <= len(result.warnings) <= 2 * _RULES
    assert not cache.stored("content")


def test_right_credentials(cache, client, make):
    dataclasses.replace(cache, protected=True).start()
    for hits in (0, _RULES):
        result = client.run(make(), cache.variables(secret=testing.SECRET))
        assert result.hits == hits
        assert result.warnings == []
