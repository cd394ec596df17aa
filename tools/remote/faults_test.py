"""Builds survive what happens to real engines: nothing lost, no wrong result."""

import dataclasses
import pathlib
import shutil
import time

import pytest
from runfiles import Runfiles

from tools.remote import engine as engines
from tools.remote import testing
from tools.remote.grpc_cache import GrpcCache
from tools.remote.settings import Settings

_BUILD = ("build", "--config=remote", "--noshow_progress", "//...")
_WAIT_SECONDS = 60
_SECRET = "known to those who may build here"


@pytest.fixture(scope="module")
def engine():
    with testing.running_engine(jobs=4) as settings:
        yield settings


@pytest.fixture
def locked(tmp_path):
    """A BuildGrid that asks for a token."""
    secret = tmp_path / "secret"
    secret.write_text(_SECRET)
    template = Runfiles.Create().Rlocation("lenet_mindspore/tools/remote/buildgrid_cache.yml.in")
    settings = testing.settings()
    settings.state_file.write_text("[]")
    server = GrpcCache(settings.folder / "cache", settings.port, secret)
    try:
        engines.start(settings, server.service(pathlib.Path(template).read_text()))
        yield server
    finally:
        engines.stop_all(settings)


def _wait_for(condition, what: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def _staged(settings: Settings, name: str) -> bool:
    """Whether an action that writes `name` is under way: the worker has made the file."""
    return any((settings.share / "casd").glob(f"**/{name}"))


def _blobs(settings: Settings) -> list[pathlib.Path]:
    return [path for path in (settings.folder / "cas").rglob("*") if path.is_file()]


def test_worker_killed_in_the_middle_of_an_action_is_replaced(engine, tmp_path):
    # The first attempt waits for ever; the one after the worker's death does not.
    flag = engine.share / "second-attempt"
    wait = "while [ ! -e /run/lenet/second-attempt ]; do sleep 0.1; done"
    command = f"touch $@.begun; {wait}; echo right > $@"
    workspace = testing.Workspace.make(tmp_path, testing.genrules(1, command))
    build = workspace.start(engine, *_BUILD)
    _wait_for(lambda: _staged(engine, "out0.begun"), "the action")
    testing.kill(engine, "worker")
    flag.touch()
    testing.restart(engine, "worker")
    output, _ = build.communicate(timeout=120)
    assert build.returncode == 0, output
    assert workspace.output("out0").read_text() == "right\n"


def test_server_restarted_in_the_middle_of_a_build(engine, tmp_path):
    workspace = testing.Workspace.make(
        tmp_path, testing.genrules(12, "touch $@.going; sleep 1; echo restarted {index} > $@")
    )
    build = workspace.start(engine, *_BUILD)
    _wait_for(lambda: _staged(engine, "out*.going"), "an action")
    testing.kill(engine, "buildgrid")
    testing.restart(engine, "buildgrid")
    output, _ = build.communicate(timeout=180)
    assert build.returncode == 0, output
    for index in range(12):
        assert workspace.output(f"out{index}").read_text() == f"restarted {index}\n"


def test_results_whose_content_is_gone_are_made_again(engine, tmp_path):
    rules = testing.genrules(8, "echo content {index} > $@")
    first = testing.Workspace.make(tmp_path / "first", rules)
    code, output = first.run(engine, *_BUILD)
    assert code == 0, output
    testing.kill(engine, "worker")  # its own store would hide what the server's lacks
    shutil.rmtree(engine.share / "casd")
    stored = [blob for blob in _blobs(engine) if blob.read_bytes().startswith(b"content ")]
    assert len(stored) == 8
    for blob in stored:
        blob.unlink()
    testing.restart(engine, "worker")
    second = testing.Workspace.make(tmp_path / "second", rules)
    code, output = second.run(engine, *_BUILD)
    assert code == 0, output
    for index in range(8):
        assert second.output(f"out{index}").read_text() == f"content {index}\n"


def test_five_hundred_small_actions_at_once(engine, tmp_path):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(500, "echo small {index} > $@"))
    code, output = workspace.run(engine, *_BUILD, "--jobs=100")
    assert code == 0, output
    assert "500 remote" in output
    for index in range(500):
        assert workspace.output(f"out{index}").read_text() == f"small {index}\n"


def test_full_disk_of_the_worker_fails_the_build_until_there_is_room(tmp_path):
    rules = testing.genrules(6, "echo fits {index} > $@")
    with testing.running_engine(jobs=2, worker_disk_mb=40) as settings:
        workspace = testing.Workspace.make(tmp_path, rules)
        code, output = workspace.run(settings, *_BUILD, "--remote_retries=1")
        assert code == 34, output
        assert "Error staging" in output
        testing.kill(settings, "worker")
        testing.restart(dataclasses.replace(settings, worker_disk_mb=0), "worker")
        code, output = workspace.run(settings, *_BUILD)
        assert code == 0, output
        for index in range(6):
            assert workspace.output(f"out{index}").read_text() == f"fits {index}\n"


def test_who_is_not_let_in_is_told_in_one_line(engine, locked, tmp_path):
    workspace = testing.Workspace.make(tmp_path / "x", testing.genrules(1, "echo in > $@"))
    for credentials in ({}, testing.bearer(_SECRET + "?")):
        variables = {"LENET_REMOTE_EXECUTOR": locked.endpoint, **credentials}
        code, output = workspace.run(engine, *_BUILD, variables=variables)
        assert code == 34, output
        assert f"executor {locked.endpoint} is unusable: it refuses the call" in output
        assert len(output.splitlines()) == 1
    # Inside it is a cache only.
    variables = {"LENET_REMOTE_EXECUTOR": locked.endpoint, **testing.bearer(_SECRET)}
    code, output = workspace.run(engine, *_BUILD, variables=variables)
    assert code == 34, output
    assert "it stores results, and executes nothing" in output


def test_wrong_endpoint_is_told_in_one_line(engine, tmp_path):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(1, "echo far > $@"))
    nothing = f"grpc://127.0.0.1:{testing.free_port()}"
    variables = {"LENET_REMOTE_EXECUTOR": nothing}
    code, output = workspace.run(engine, *_BUILD, variables=variables)
    assert code == 34, output
    assert f"executor {nothing} is unusable: Connection refused" in output
    assert len(output.splitlines()) == 1
