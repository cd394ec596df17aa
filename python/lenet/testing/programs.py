"""Runs the built programs as a user does."""

import os
import pathlib
import subprocess
from typing import Any

from runfiles import Runfiles


def path(program: str) -> str:
    """The built program `program`, such as "train" or "//cc:infer310", in the runfiles.

    It must be in the `data` of the test.
    """
    package, _, name = program.lstrip("/").rpartition(":")
    found = Runfiles.Create().Rlocation(f"lenet_mindspore/{package or 'python'}/{name}")
    assert found and os.path.exists(found), f"{program} is not in the data of this test"
    return found


def image_limit() -> int:
    """How many of the 10,000 test images a test takes that is for all of them.

    Fewer where the program is so slow that time is better spent on its other paths: .bazelrc
    sets LENET_TEST_IMAGES for builds with sanitizers.
    """
    return int(os.environ.get("LENET_TEST_IMAGES", "10000"))


def environment(cwd: str | pathlib.Path) -> dict[str, str]:
    """The environment that `bazel run` would give to a program when typed in `cwd`."""
    return os.environ | {"BUILD_WORKING_DIRECTORY": str(cwd), "HOME": str(cwd)}


def start(program: str, *arguments: str, cwd: str | pathlib.Path) -> subprocess.Popen[str]:
    """Starts a built program in `cwd`, with pipes for its output."""
    return subprocess.Popen(
        [path(program), *arguments],
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    program: str, *arguments: str, cwd: str | pathlib.Path, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Runs a built program in `cwd` to its end and returns exit code and output."""
    return subprocess.run(
        [path(program), *arguments],
        cwd=cwd,
        env=environment(cwd),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )
