"""Describes the software and the processor, for reports."""

import importlib.metadata
import pathlib
import platform
from typing import Any

import lenet
from lenet import devices


def describe() -> dict[str, Any]:
    """Returns versions and the processor; nothing that names the user or the machine."""
    return {
        "lenet_mindspore": lenet.__version__,
        "MindSpore": importlib.metadata.version("mindspore"),
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": devices.cpu_threads(),
    }


def _processor() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text("ascii", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
