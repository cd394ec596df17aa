"""What `bazel run //tools/remote` says when something is wrong, before it starts anything."""

import os
import pathlib
import socket
import subprocess
import tempfile

import pytest
from runfiles import Runfiles

_NOBODY = 65534


@pytest.fixture
def folder():
    """A folder with a short name: sockets in it need one."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield pathlib.Path(name)


def _run(*arguments, **options):
    program = Runfiles.Create().Rlocation("lenet_mindspore/tools/remote/remote")
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=60, **options
    )


def _one_line(finished) -> str:
    lines = finished.stderr.splitlines()
    assert len(lines) == 1, finished.stderr
    assert lines[0].startswith("remote: error: ")
    return lines[0]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--port=0", "up"], "--port=0"),
        (["--port=65536", "up"], "--port=65536"),
        (["up", "--jobs=0"], "--jobs=0"),
        (["up", "--worker_disk_mb=-1"], "--worker_disk_mb=-1"),
        (["--folder=/tmp/" + "x" * 100, "up"], "--folder=/tmp/xxx"),
    ],
)
def test_wrong_flags_are_named(flags, named):
    finished = _run(*flags)
    assert finished.returncode == 2
    assert named in _one_line(finished)


def test_unknown_commands_are_refused():
    finished = _run("sideways")
    assert finished.returncode == 2
    assert "invalid choice: 'sideways'" in finished.stderr


def test_folder_of_something_else_is_left_alone(folder):
    (folder / "thesis.txt").write_text("mine")
    for command in ("up", "down", "status"):
        finished = _run(f"--folder={folder}", command)
        assert finished.returncode in (2, 3), command  # 3: not root
        _one_line(finished)
    assert (folder / "thesis.txt").read_text() == "mine"


def test_nothing_runs_at_first(folder):
    where = f"--folder={folder / 'engine'}"
    status = _run(where, "status")
    assert status.returncode == 1
    assert "nothing runs" in status.stdout
    down = _run(where, "down")
    assert down.returncode == 0
    assert "stopped nothing" in down.stdout
    logs = _run(where, "logs", "worker")
    assert logs.returncode == 2
    assert "no log of worker" in _one_line(logs)


def test_without_root_up_says_so(folder):
    if os.geteuid() != 0:
        finished = _run(f"--folder={folder / 'engine'}", "up")
        assert finished.returncode == 3
        assert "root" in _one_line(finished)


def _programs(place: pathlib.Path, *names: str) -> dict[str, str]:
    """An environment whose PATH has these programs only, which do nothing."""
    for name in names:
        (place / name).write_text("#!/bin/sh\n")
        (place / name).chmod(0o755)
    return {**os.environ, "PATH": str(place)}


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_missing_programs_are_named_with_their_packages(folder):
    environment = _programs(folder, "debootstrap", "unshare")
    finished = _run(f"--folder={folder / 'engine'}", "up", env=environment)
    assert finished.returncode == 3
    assert "apt-get install bubblewrap" in _one_line(finished)
    assert not (folder / "engine").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_port_in_use_is_said_before_anything_starts(folder):
    environment = _programs(folder, "bwrap", "debootstrap", "unshare")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = _run(f"--folder={folder / 'engine'}", f"--port={port}", "up", env=environment)
    assert finished.returncode == 2
    assert f"port {port} is in use" in _one_line(finished)
    assert not (folder / "engine").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_image_that_cannot_be_made_leaves_nothing(folder):
    environment = _programs(folder, "bwrap", "unshare", "apt-get")
    (folder / "debootstrap").write_text("#!/bin/sh\nexit 1\n")
    (folder / "debootstrap").chmod(0o755)
    image = folder / "image"
    where = [f"--folder={folder / 'engine'}", f"--image={image}", "--port=1"]
    finished = _run(*where, "up", env=environment)
    assert finished.returncode == 2
    assert "--mirror" in _one_line(finished)
    assert not image.exists()
    assert not (folder / "engine").exists()
