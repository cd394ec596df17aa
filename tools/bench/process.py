"""Runs one program to its end, in a process group of its own, with its time and peak memory."""

import contextlib
import dataclasses
import json
import os
import pathlib
import posixpath
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from runfiles import Runfiles

_WORKSPACE = "lenet_mindspore"
_LAUNCH = "tools/bench/launch"
# With these a program takes the runfiles of this one, whose list has 20,000 lines to read.
_RUNFILES = ("JAVA_RUNFILES", "PYTHON_RUNFILES", "RUNFILES_DIR", "RUNFILES_MANIFEST_FILE")
_GRACE_SECONDS = 5  # between asking a process to end and killing it
_TAIL_BYTES = 4000  # of the log, searched for the reason of a failure

# What would make a program behave otherwise than it does by itself, or belongs to our own start.
_DROPPED = (
    "DNNL_MAX_CPU_ISA",
    "GLOG_v",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "PYTHONPATH",
)


class ProcessError(Exception):
    """A program could not be run or failed; the message is the reason, in one line."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """A program that ended with exit code 0.

    Attributes:
        seconds: wall time from start to end.
        peak_mb: peak resident memory, in units of 10^6 bytes.
    """

    seconds: float
    peak_mb: float


def path(program: str) -> str:
    """The built file `program`, such as "cc/infer310" or "../mnist/…", in the runfiles.

    Raises:
        ProcessError: it is not there.
    """
    runfiles = Runfiles.Create()
    found = runfiles.Rlocation(posixpath.normpath(f"{_WORKSPACE}/{program}")) if runfiles else None
    if not found or not os.path.exists(found):
        raise ProcessError(f"{program} is not in this build")
    return found


def run(
    program: str,
    *arguments: str,
    folder: pathlib.Path,
    environment: Mapping[str, str] | None = None,
    timeout: float,
) -> Finished:
    """Runs the built file `program` in `folder`; its output goes to log.txt there.

    Args:
        program: as for path().
        folder: exists, is the current folder of the program and its TMPDIR.
        environment: variables besides those of this process.
        timeout: seconds after which it is killed.

    Raises:
        ProcessError: it is not in the build, failed, or took longer than `timeout`.
    """
    executable, dropped = _as_a_user(path(program))
    command = [path(_LAUNCH), str(folder / "usage.txt"), executable, *arguments]
    inherited = {key: value for key, value in os.environ.items() if key not in dropped}
    own = {"BUILD_WORKING_DIRECTORY": str(folder), "TMPDIR": str(folder), "HOME": str(folder)}
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=inherited | own | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        _wait(process, command[2], timeout)
    return _finished(folder, process.returncode)


def _as_a_user(executable: str) -> tuple[str, tuple[str, ...]]:
    """What to execute, and which variables to drop, for a program to take its own runfiles."""
    built = os.path.realpath(executable)
    if os.path.isdir(f"{built}.runfiles"):
        return built, _DROPPED + _RUNFILES
    return executable, _DROPPED  # as in a sandbox, which has only ours


def result(path: pathlib.Path) -> dict[str, Any]:
    """The JSON object that a program wrote.

    Raises:
        ProcessError: there is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProcessError(f"it ended well but left no {path.name}: {error}") from error


def _wait(process: "subprocess.Popen[bytes]", program: str, timeout: float) -> None:
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise ProcessError(f"{os.path.basename(program)} took longer than {timeout:g} s") from None
    except BaseException:  # Ctrl-C
        _end(process)
        raise


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends the whole group of `process`, gently first."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + _GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)  # raises once the group is empty
            time.sleep(0.01)


def _finished(folder: pathlib.Path, launch_code: int) -> Finished:
    if launch_code != 0:
        raise ProcessError(f"launch ended with exit code {launch_code}: {_reason(folder)}")
    seconds, kib, code = (folder / "usage.txt").read_text().split()
    if int(code) != 0:
        raise ProcessError(f"exit code {code}: {_reason(folder)}")
    return Finished(float(seconds), int(kib) * 1024 / 1e6)


def _reason(folder: pathlib.Path) -> str:
    """The last line of the log that says something of an error, else the last line."""
    text = (folder / "log.txt").read_bytes()[-_TAIL_BYTES:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()]
    return (telling or lines or ["no output"])[-1][:200]
