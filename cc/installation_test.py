"""Tests of infer310 on machines with and without Ascend devices, and alone in a folder."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from lenet import resources
from lenet.testing import programs

_PROGRAM = programs.path("//cc:infer310")


def _run(program, *arguments: str, cwd: pathlib.Path, env: dict[str, str]):
    command = [*programs.run_file(program), *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def _with_devices(folder: pathlib.Path, cwd: pathlib.Path) -> dict[str, str]:
    """Returns the environment in which infer310 looks for Ascend device nodes in `folder`."""
    return programs.environment(cwd) | {"LENET_ASCEND_DEVICES": str(folder)}


def test_probe_reports_the_first_failing_step_as_text_and_as_json(tmp_path):
    cwd, devices = tmp_path / "cwd", tmp_path / "devices"
    cwd.mkdir()
    devices.mkdir()
    env = _with_devices(devices, cwd)
    result = _run(_PROGRAM, "--probe", cwd=cwd, env=env)
    assert result.returncode == 3
    assert result.stderr == ""
    assert re.search(r"^device nodes +FAILED +no \S+/davinci0", result.stdout, re.MULTILINE)
    assert "cannot be used (no-device)" in result.stdout
    assert "Remedy: install the Ascend driver" in result.stdout
    for node in ("davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"):
        (devices / node).touch()
    result = _run(_PROGRAM, "--probe", "--json", cwd=cwd, env=env)
    assert result.returncode == 3
    found = json.loads(result.stdout)
    assert found["usable"] is False
    assert found["failure"] == "no-library"
    assert "libascendcl.so" in found["reason"]
    assert "set_env.sh" in found["hint"]
    results = [step["result"] for step in found["steps"]]
    assert results == ["ok", "failed"] + ["not done"] * 6
    assert list(cwd.iterdir()) == []


def test_auto_warns_about_an_ascend_that_cannot_be_used(tmp_path):
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "davinci0").touch()
    env = _with_devices(tmp_path / "devices", tmp_path)
    arguments = ["--threads=1", "--limit=1"]
    result = _run(_PROGRAM, *arguments, cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    warning, engine = result.stderr.splitlines()
    assert warning.startswith("infer310: warning: there is an Ascend, but it cannot be used: ")
    assert "davinci_manager" in warning
    assert "libascendcl.so" in warning
    assert engine == "infer310: engine native on CPU (--device_target=auto)"
    result = _run(_PROGRAM, *arguments, "--device_target=CPU", cwd=tmp_path, env=env)
    assert result.stderr == "infer310: engine native on CPU\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The program alone in a folder, as it would be copied to a board."""
    folder = tmp_path_factory.mktemp("installed")
    return pathlib.Path(shutil.copy(_PROGRAM, folder / "infer310"))


def _inputs() -> list[str]:
    model = resources.path("python/lenet.mindir")
    images = resources.path("Data/test/t10k-images.idx3-ubyte", repository="mnist")
    return [f"--mindir_path={model}", f"--dataset_path={images}", "--limit=1"]


def _run_installed(program: pathlib.Path, *arguments: str, cwd: pathlib.Path):
    """Runs the program without the environment variables that locate its runfiles."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("RUNFILES")}
    return _run(program, *_inputs(), *arguments, cwd=cwd, env=env)


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
    result = _run_installed(installed, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "engine native on CPU" in result.stderr


def test_a_missing_plug_in_is_reported(installed, tmp_path):
    result = _run_installed(installed, "--engine=lite", cwd=tmp_path)
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
    program = [*programs.run_file(installed), "--threads=1", *_inputs()]
    command = [sys.executable, "-S", "-c", _PEAK_MEMORY, *program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    # AddressSanitizer and the emulator need memory of their own.
    more = programs.emulated() or b"__asan_init" in installed.read_bytes()
    assert int(result.stdout) < (400_000 if more else 40_000)
