"""What `bazel run //tools/remote` says when something is wrong, before it starts anything."""

import os
import pathlib
import socket
import subprocess

import pytest
from runfiles import Runfiles

_NOBODY = 65534


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
        (["up", "--token_secret=/nowhere"], "--token_secret=/nowhere"),
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


def test_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for command in ("up", "down", "status"):
        finished = _run(f"--folder={tmp_path}", command)
        assert finished.returncode in (2, 3), command  # 3: not root
        _one_line(finished)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_nothing_runs_at_first(tmp_path):
    folder = f"--folder={tmp_path / 'engine'}"
    status = _run(folder, "status")
    assert status.returncode == 1
    assert "nothing runs" in status.stdout
    down = _run(folder, "down")
    assert down.returncode == 0
    assert "stopped nothing" in down.stdout
    logs = _run(folder, "logs", "worker")
    assert logs.returncode == 2
    assert "no log of worker" in _one_line(logs)


def test_without_root_up_says_so(tmp_path):
    if os.geteuid() != 0:
        finished = _run(f"--folder={tmp_path / 'engine'}", "up")
        assert finished.returncode == 3
        assert "root" in _one_line(finished)


def _programs(folder: pathlib.Path, *names: str) -> dict[str, str]:
    """An environment whose PATH has these programs only, which do nothing."""
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": str(folder)}


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_missing_programs_are_named_with_their_packages(tmp_path):
    environment = _programs(tmp_path, "debootstrap", "unshare")
    finished = _run(f"--folder={tmp_path / 'engine'}", "up", env=environment)
    assert finished.returncode == 3
    assert "apt-get install bubblewrap" in _one_line(finished)
    assert not (tmp_path / "engine").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_port_in_use_is_said_before_anything_starts(tmp_path):
    environment = _programs(tmp_path, "bwrap", "debootstrap", "unshare")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = _run(f"--folder={tmp_path / 'engine'}", f"--port={port}", "up", env=environment)
    assert finished.returncode == 2
    assert f"port {port} is in use" in _one_line(finished)
    assert not (tmp_path / "engine").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="the lack of root is said first")
def test_image_that_cannot_be_made_leaves_nothing(tmp_path):
    environment = _programs(tmp_path, "bwrap", "unshare", "apt-get")
    (tmp_path / "debootstrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "debootstrap").chmod(0o755)
    image = tmp_path / "image"
    where = [f"--folder={tmp_path / 'engine'}", f"--image={image}", "--port=1"]
    finished = _run(*where, "up", env=environment)
    assert finished.returncode == 2
    assert "--mirror" in _one_line(finished)
    assert not image.exists()
    assert not (tmp_path / "engine").exists()
