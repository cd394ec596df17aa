"""Tests of infer310 alone in a folder, without Bazel's runfiles."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from lenet import resources
from lenet.testing import programs


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program alone in a folder, as it would be copied to a board."""
    folder = tmp_path_factory.mktemp("installed")
    return pathlib.Path(shutil.copy(programs.path("//cc:infer310"), folder / "infer310"))


def _command(program: pathlib.Path) -> list[str]:
    model = resources.path("python/lenet.mindir")
    images = resources.path("Data/test/t10k-images.idx3-ubyte", repository="mnist")
    arguments = [f"--mindir_path={model}", f"--dataset_path={images}", "--limit=1", "--threads=1"]
    return [*programs.run_file(program), *arguments]


def _run(command: list[str], cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Runs a command without the environment variables that locate the runfiles."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUNFILES")}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_the_program_alone_needs_neither_mindspore_nor_lite(installed, tmp_path):
    list_libraries = ["readelf", "--dynamic"] if programs.emulated() else ["ldd"]
    libraries = subprocess.check_output([*list_libraries, installed], text=True)
    assert not re.search("mindspore|dnnl|opencv|mslite", libraries), libraries
    assert "not found" not in libraries
    # The sanitizer triples the size; strip knows only the machine's processor.
    if "libasan" not in libraries and not programs.emulated():
        stripped = tmp_path / "stripped"
        subprocess.check_call(["strip", "-o", stripped, installed])
        assert stripped.stat().st_size < 5_000_000
    result = _run(_command(installed), tmp_path)
    assert result.returncode == 0, result.stderr
    assert "engine native on CPU" in result.stderr


def test_a_missing_plug_in_is_reported(installed, tmp_path):
    result = _run([*_command(installed), "--engine=lite"], tmp_path)
    assert result.returncode == 3, result.stderr
    assert "infer310_lite.so" in result.stderr
    assert "--engine=native" in result.stderr
    assert list(tmp_path.iterdir()) == []


# A child's peak memory includes that of its parent before exec, so the parent must be small.
_PEAK_MEMORY = """
import os, sys
pid = os.fork()
if pid == 0:
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
assert status == 0
print(usage.ru_maxrss)
"""


def test_memory_for_one_image_at_a_time(installed, tmp_path):
    command = [sys.executable, "-S", "-c", _PEAK_MEMORY, *_command(installed)]
    result = _run(command, tmp_path)
    assert result.returncode == 0, result.stderr
    # AddressSanitizer and the emulator need memory of their own.
    more = programs.emulated() or b"__asan_init" in installed.read_bytes()
    assert int(result.stdout) < (400_000 if more else 40_000)
