"""Describes the software and the processor, for reports."""

import importlib.metadata
import pathlib
import platform
from typing import Any

import lenet
from lenet import limits, resources


def version() -> str:
    """Returns one line with the versions of this project, MindSpore and Python."""
    kernels = "with" if resources.find(resources.KERNELS) else "without"
    return (
        f"lenet_mindspore {lenet.__version__}, MindSpore {_installed('mindspore')}, Python "
        f"{platform.python_version()}, {kernels} own kernels"
    )


def describe() -> dict[str, Any]:
    """Returns versions and the processor; nothing that names the user or the machine."""
    return {
        "lenet_mindspore": lenet.__version__,
        "MindSpore": _installed("mindspore"),
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": limits.cores(),
    }


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text("ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
