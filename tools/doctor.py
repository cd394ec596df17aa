"""Prints what this machine has and which devices can be used, to paste into a bug report.

The output has no user name, host name or path of the home folder.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
from typing import Any

sys.path.append(f"{pathlib.Path(__file__).resolve().parents[1]}/python")  # if run by its path

# ruff: noqa: E402
import psutil

from lenet import devices, environment, errors, limits, resources

_SECONDS = 30  # a driver may hang
_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")
_VARIABLES = re.compile(
    r"(ASCEND|CUDA|NVIDIA|LENET|OMP|ONEDNN|GLOG)_\w+|LD_LIBRARY_PATH|PYTHONPATH"
)
_TOOLS = {
    "Bazel": ["bazel", "--version"],
    "C++ compiler": ["g++", "--version"],
    "GPU": ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
    "NPU": ["npu-smi", "info"],
}
_CANN_FILES = ("version.cfg", "version.info", "compiler/version.info")


def examine() -> dict[str, Any]:
    """Returns the findings by name; "devices" says for each one "usable" or what it needs."""
    memory = psutil.virtual_memory().total
    found = environment.describe() | {
        "distribution": _distribution(),
        "C library": " ".join(platform.libc_ver()),
        "processor features": " ".join(_features()),
        "cores": f"{limits.cores()} usable of {os.cpu_count()}",
        "memory": f"{limits.available_memory() / 1e9:.1f} GB usable of {memory / 1e9:.1f} GB",
        "free disk": f"{shutil.disk_usage('.').free / 1e9:.1f} GB in this folder",
    }
    found |= {name: _output(command) for name, command in _TOOLS.items()}
    found["CANN"] = _cann()
    found["device files"] = sorted(
        path.name for kind in ("davinci*", "nvidia*") for path in pathlib.Path("/dev").glob(kind)
    )
    found["variables"] = {k: v for k, v in sorted(os.environ.items()) if _VARIABLES.fullmatch(k)}
    found["devices"] = {name: _usable(name) for name in ("CPU", "GPU", "Ascend")}
    return json.loads(_anonymous(json.dumps(found)))


def _usable(device: str) -> str:
    try:
        devices.resolve(device, fused_kernels=True)
    except errors.LenetError as error:
        return str(error).partition(": ")[2]
    return "usable"


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace"
        )
    except FileNotFoundError:
        return "not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error}"
    lines = (done.stdout or done.stderr).strip()
    return lines if command[0] == "npu-smi" else lines.partition("\n")[0]


def _cann() -> dict[str, str]:
    root = pathlib.Path(
        os.environ.get("ASCEND_HOME_PATH", "/usr/local/Ascend/ascend-toolkit/latest")
    )
    files = [root / name for name in _CANN_FILES]
    files += [
        pathlib.Path(f"/usr/local/Ascend/{part}/version.info") for part in ("driver", "firmware")
    ]
    versions = {}
    for path in files:
        with contextlib.suppress(OSError):
            versions[str(path)] = " ".join(path.read_text(errors="replace").split())[:200]
    return versions


def _distribution() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    return "unknown"


def _features() -> list[str]:
    try:
        words = set(pathlib.Path("/proc/cpuinfo").read_text("ascii", errors="replace").split())
    except OSError:  # not Linux
        return []
    return [flag for flag in _FLAGS if flag in words]


def _anonymous(text: str) -> str:
    """Returns `text` with ~ for the home folder, and without the names of user and machine."""
    home = str(pathlib.Path.home())
    text = text.replace(home, "~") if home != "/" else text
    for name, shown in ((os.environ.get("USER", ""), "user"), (platform.node(), "host")):
        if name not in ("", "root", "localhost"):
            text = re.sub(rf"\b{re.escape(name)}\b", shown, text)
    return text


def main() -> None:
    """Prints the findings as text or JSON."""
    command = resources.command("//tools:doctor")
    parser = argparse.ArgumentParser(
        usage=f"{command}\n       {resources.command('//tools:doctor', '--json')}",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    found = examine()
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print("Paste everything below into a bug report.\n")
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{name}:", *(f"\n  {key}: {text}" for key, text in value.items()), sep="")
        else:
            print(f"{name}: {', '.join(value) if isinstance(value, list) else value}")


if __name__ == "__main__":
    main()
