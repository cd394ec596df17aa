"""Builds on real engines that crash, restart, lose files or run out of space."""

import dataclasses
import shutil

import pytest

from tools.remote import testing

_BUILD = ("build", "--config=remote", "--noshow_progress", "//...")


@pytest.fixture(scope="module")
def engine():
    with testing.running_engine(jobs=4) as settings:
        yield settings


def _staged(settings, name):
    """Returns whether the worker has created a file of an action."""
    return any((settings.share / "casd").glob(f"**/{name}"))


def _check(workspace, build_result, content, count):
    code, output = build_result
    assert code == 0, output
    for index in range(count):
        assert workspace.output(f"out{index}") == f"{content} {index}\n"


def _end(build):
    output, _ = build.communicate(timeout=300)
    return build.returncode, output


def test_action_of_a_killed_worker_is_repeated(engine, tmp_path):
    wait = "while [ ! -e /run/lenet/second-attempt ]; do sleep 0.1; done"
    rules = testing.genrules(1, f"touch $@.begun; {wait}; echo right {{index}} > $@")
    workspace = testing.Workspace.make(tmp_path, rules)
    build = workspace.start(engine, *_BUILD)
    testing.wait_for(lambda: _staged(engine, "out0.begun"), "action")
    testing.kill(engine, "worker")
    (engine.share / "second-attempt").touch()
    testing.restart(engine, "worker")
    _check(workspace, _end(build), "right", 1)


def test_server_restarts_during_a_build(engine, tmp_path):
    rules = testing.genrules(12, "touch $@.going; sleep 1; echo restarted {index} > $@")
    workspace = testing.Workspace.make(tmp_path, rules)
    build = workspace.start(engine, *_BUILD)
    testing.wait_for(lambda: _staged(engine, "out*.going"), "action")
    testing.kill(engine, "buildgrid")
    testing.restart(engine, "buildgrid")
    _check(workspace, _end(build), "restarted", 12)


def test_lost_blobs_are_made_again(engine, tmp_path):
    rules = testing.genrules(8, "echo content {index} > $@")
    first = testing.Workspace.make(tmp_path / "first", rules)
    _check(first, first.run(engine, *_BUILD), "content", 8)
    testing.kill(engine, "worker")
    shutil.rmtree(engine.share / "casd")  # the worker's store has the blobs, too
    files = (path for path in (engine.folder / "cas").rglob("*") if path.is_file())
    stored = [path for path in files if path.read_bytes().startswith(b"content ")]
    assert len(stored) == 8
    for blob in stored:
        blob.unlink()
    testing.restart(engine, "worker")
    second = testing.Workspace.make(tmp_path / "second", rules)
    _check(second, second.run(engine, *_BUILD), "content", 8)


def test_500_parallel_actions(engine, tmp_path):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(500, "echo small {index} > $@"))
    result = workspace.run(engine, *_BUILD, "--jobs=100")
    _check(workspace, result, "small", 500)
    assert "500 remote" in result[1]


def test_full_disk_of_the_worker(tmp_path):
    rules = testing.genrules(6, "echo fits {index} > $@")
    with testing.running_engine(jobs=2, worker_disk_mb=40) as settings:
        workspace = testing.Workspace.make(tmp_path, rules)
        code, output = workspace.run(settings, *_BUILD, "--remote_retries=1")
        assert code == 34, output
        assert "Error staging" in output
        testing.kill(settings, "worker")
        testing.restart(dataclasses.replace(settings, worker_disk_mb=0), "worker")
        _check(workspace, workspace.run(settings, *_BUILD), "fits", 6)


@pytest.mark.parametrize("secret", ["", "a wrong secret of sufficient length", testing.SECRET])
def test_refusing_server_ends_the_build(engine, tmp_path, secret):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(1, "echo in > $@"))
    with testing.new_settings() as settings:
        testing.Cache(settings, "grpc", protected=True).start()
        variables = {"LENET_REMOTE_EXECUTOR": settings.endpoint}
        variables |= testing.bearer(secret) if secret else {}
        code, output = workspace.run(engine, *_BUILD, variables=variables)
    assert code == 34, output
    if secret == testing.SECRET:  # the server is only a cache
        assert "Remote execution is not supported" in output


def test_unreachable_server_is_one_line(engine, tmp_path):
    workspace = testing.Workspace.make(tmp_path, testing.genrules(1, "echo far > $@"))
    endpoint = f"grpc://127.0.0.1:{testing.free_port()}"
    code, output = workspace.run(engine, *_BUILD, variables={"LENET_REMOTE_EXECUTOR": endpoint})
    assert code == 34, output
    assert f"executor {endpoint} does not answer" in output
    assert len(output.splitlines()) == 1
