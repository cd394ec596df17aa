"""Builds survive what happens to real engines: nothing lost, no wrong result."""

import pathlib
import shutil
import signal
import time

import pytest

from tools.remote import testing
from tools.remote.settings import Settings

_BUILD = ("build", "--config=remote", "--noshow_progress", "//...")
_WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def engine():
    with testing.running_engine(jobs=4) as settings:
        yield settings


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
        tmp_path, testing.genrules(12, "touch $@.begun; sleep 1; echo restarted {index} > $@")
    )
    build = workspace.start(engine, *_BUILD)
    _wait_for(lambda: _staged(engine, "out*.begun"), "an action")
    testing.kill(engine, "buildgrid")
    testing.restart(engine, "buildgrid")
    output, _ = build.communicate(timeout=180)
    assert build.returncode == 0, output
    for index in range(12):
        assert workspace.output(f"out{index}").read_text() == f"restarted {index}\n"


@pytest.mark.parametrize("change", ["deleted", "emptied", "changed"])
def test_damaged_store_is_never_believed(engine, tmp_path, change):
    rules = testing.genrules(8, f"echo content {{index}} of {change} > $@")
    first = testing.Workspace.make(tmp_path / "first", rules)
    code, output = first.run(engine, *_BUILD)
    assert code == 0, output
    testing.kill(engine, "worker")  # its own store would hide what the server's lacks
    shutil.rmtree(engine.share / "casd")
    damaged = 0
    for blob in _blobs(engine):
        content = blob.read_bytes()
        if not content.startswith(b"content "):
            continue
        damaged += 1
        if change == "deleted":
            blob.unlink()
        else:
            blob.write_bytes(b"" if change == "emptied" else b"C" + content[1:])
    assert damaged == 8
    testing.restart(engine, "worker")
    second = testing.Workspace.make(tmp_path / "second", rules)
    code, output = second.run(engine, *_BUILD)
    if code != 0:  # said, not believed
        assert change != "deleted" and "digest" in output, output
        return
    for index in range(8):
        assert second.output(f"out{index}").read_text() == f"content {index} of {change}\n"


def test_five_hundred_small_actions_at_once(engine, tmp_path):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(500, "echo small {index} > $@"))
    code, output = workspace.run(engine, *_BUILD, "--jobs=100")
    assert code == 0, output
    assert "500 remote" in output
    for index in range(500):
        assert workspace.output(f"out{index}").read_text() == f"small {index}\n"


def test_full_disk_of_the_worker_fails_what_needs_it_and_nothing_else(tmp_path):
    big = "head -c 60000000 /dev/zero > $@"
    rules = testing.genrules(6, "echo fits {index} > $@") + testing.genrules(1, big).replace(
        "rule0", "big"
    ).replace("out0", "bigout")
    with testing.running_engine(jobs=2, worker_disk_mb=40) as settings:
        workspace = testing.Workspace.make(tmp_path, rules)
        code, output = workspace.run(settings, *_BUILD, "--keep_going")
        assert code == 1, output
        assert "//:big" in output
        for index in range(6):
            assert workspace.output(f"out{index}").read_text() == f"fits {index}\n"
        assert not list(workspace.home.glob("**/bin/bigout"))


def test_interrupted_build_leaves_no_action_running(engine, tmp_path):
    workspace = testing.Workspace.make(
        tmp_path, testing.genrules(1, "touch $@.begun; sleep 600; touch $@")
    )
    build = workspace.start(engine, *_BUILD)
    _wait_for(lambda: _staged(engine, "out0.begun"), "the action")
    build.send_signal(signal.SIGINT)
    build.communicate(timeout=60)
    _wait_for(lambda: not _staged(engine, "out0.begun"), "the end of the action")
