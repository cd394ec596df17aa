"""Runs the built programs as a user does."""

import fcntl
import os
import subprocess
import sys
from typing import Any

from lenet import resources
from lenet.files import AnyPath


def path(program: str) -> str:
    """Returns the path of a built file, such as "train" (of //python) or "//cc:infer310".

    The target must be in the `data` of the test.
    """
    package, _, name = program.lstrip("/").rpartition(":")
    return str(resources.path(f"{package or 'python'}/{name}"))


def emulated() -> bool:
    """Returns whether built C++ programs are for another processor (third_party/aarch64)."""
    return "LENET_EMULATOR" in os.environ


def run_file(file: AnyPath) -> list[str]:
    """Returns the command that runs a built file, with the emulator if there is one."""
    return [os.environ["LENET_EMULATOR"], str(file)] if emulated() else [str(file)]


def command(program: str) -> list[str]:
    """Returns the command of a built program, or of a Python program's source without Bazel."""
    if resources.UNDER_BAZEL:
        return run_file(path(program))
    return [sys.executable, f"{path(program + '.py')}"]


def image_limit() -> int:
    """Returns how many of the 10,000 test images a test of all images uses.

    .bazelrc sets LENET_TEST_IMAGES to fewer for sanitizers and emulation, which are slow.
    """
    return int(os.environ.get("LENET_TEST_IMAGES", "10000"))


def environment(cwd: AnyPath) -> dict[str, str]:
    """Returns the environment that `bazel run`, typed in `cwd`, gives to a program."""
    return os.environ | {"BUILD_WORKING_DIRECTORY": str(cwd), "HOME": str(cwd)}


def start(program: str, *arguments: str, cwd: AnyPath, **variables: str) -> subprocess.Popen[str]:
    """Starts a built program in `cwd`, with pipes for its output and environment `variables`."""
    return subprocess.Popen(
        [*command(program), *arguments],
        cwd=cwd,
        env=environment(cwd) | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_traced(program: str, *arguments: str, cwd: AnyPath) -> subprocess.Popen[str]:
    """Starts a program that prints its imports to stderr, 4 kB (40 lines) ahead of the reader."""
    process = start(program, *arguments, cwd=cwd, PYTHONVERBOSE="1")
    if process.stderr:
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    return process


def read_until(
    process: subprocess.Popen[str], text: str, count: int = 1, stream: str = "stdout"
) -> str:
    """Reads a stream of a process up to line number `count` with `text`, and returns the lines."""
    lines: list[str] = []
    for line in getattr(process, stream):
        lines.append(line)
        count -= text in line
        if count == 0:
            return "".join(lines)
    raise AssertionError(f"no line with {text!r} in: {''.join(lines)}")


def run(
    program: str, *arguments: str, cwd: AnyPath, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a built program in `cwd` and returns exit code and output."""
    return subprocess.run(
        [*command(program), *arguments],
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",  # file names in any encoding
        check=False,
        **kwargs,
    )
