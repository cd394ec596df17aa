"""Errors that `bazel run //tools/remote` reports before it starts anything."""

import os
import pathlib
import socket
import subprocess
import tempfile

import pytest

from lenet import resources
from tools.remote.sandbox import Sandbox, network_environment

_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="without root, another error comes first")


@pytest.fixture
def folder():
    """A folder with a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield pathlib.Path(name)


def _run(*arguments, **options):
    program = resources.path("tools/remote/remote")
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False, timeout=200, **options
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
def test_wrong_flags(flags, named):
    finished = _run(*flags)
    assert finished.returncode == 2
    assert named in _one_line(finished)


def test_unknown_command():
    finished = _run("sideways")
    assert finished.returncode == 2
    assert "invalid choice: 'sideways'" in finished.stderr


def test_folder_of_something_else_is_not_changed(folder):
    (folder / "thesis.txt").write_text("mine")
    for command in ("up", "down", "status"):
        finished = _run(f"--folder={folder}", command)
        assert finished.returncode in (2, 3), command  # 3: not root
        _one_line(finished)
    assert (folder / "thesis.txt").read_text() == "mine"


def test_commands_without_an_engine(folder):
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


@pytest.mark.skipif(os.geteuid() == 0, reason="root has the permission")
def test_up_needs_root(folder):
    finished = _run(f"--folder={folder / 'engine'}", "up")
    assert finished.returncode == 3
    assert "root" in _one_line(finished)


def _programs(place: pathlib.Path, *names: str) -> dict[str, str]:
    """Returns an environment whose PATH has only these programs, which do nothing."""
    for name in names:
        (place / name).write_text("#!/bin/sh\n")
        (place / name).chmod(0o755)
    return {**os.environ, "PATH": str(place)}


@_ROOT
def test_missing_programs_are_reported_with_their_packages(folder):
    environment = _programs(folder, "debootstrap", "unshare")
    finished = _run(f"--folder={folder / 'engine'}", "up", env=environment)
    assert finished.returncode == 3
    assert "apt-get install bubblewrap" in _one_line(finished)
    assert not (folder / "engine").exists()


@_ROOT
def test_port_in_use(folder):
    environment = _programs(folder, "bwrap", "debootstrap", "unshare")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finished = _run(f"--folder={folder / 'engine'}", f"--port={port}", "up", env=environment)
    assert finished.returncode == 2
    assert f"port {port} is in use" in _one_line(finished)
    assert not (folder / "engine").exists()


@_ROOT
def test_failed_image_leaves_nothing(folder):
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


def test_a_sandbox_has_the_files_that_pip_settings_name(folder, monkeypatch):
    settings = {"PIP_CERT": folder / "ca.pem", "PIP_CONFIG_FILE": folder / "pip/pip.conf"}
    for name, file in settings.items():
        file.parent.mkdir(exist_ok=True)
        file.touch()
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CERT", str(settings["PIP_CERT"]))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    sandbox = Sandbox(folder, network=True, environment=network_environment())
    words = " ".join(sandbox.command("true"))
    for name, file in settings.items():
        inside = f"/mnt/settings/{name}"
        assert f"--ro-bind {file} {inside} --setenv {name} {inside}" in words
