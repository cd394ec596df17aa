"""Facts about the machine that figures come from."""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

_FLAGS = ("avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "amx_tile", "asimd", "sve")


def facts(root: str = "/") -> dict[str, str]:
    """What could be found out, by name, in the order to show it.

    Args:
        root: where proc and sys are; tests name another folder.
    """
    base = pathlib.Path(root)
    cpuinfo = _read(base / "proc/cpuinfo")
    found = {
        "CPU": _field(cpuinfo, "model name") or platform.processor() or platform.machine(),
        "CPU flags": _flags(cpuinfo),
        "cores": str(len(os.sched_getaffinity(0))),
        "governor": _read(base / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
        "memory": _memory(_read(base / "proc/meminfo")),
        "files on": _file_system(_read(base / "proc/mounts"), tempfile.gettempdir()),
        "load at start": " ".join(_read(base / "proc/loadavg").split()[:3]),
        "system": f"{_system(_read(base / 'etc/os-release'))}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "compiler": _first_line("g++", "--version"),
        "commit": _commit(),
    }
    return {name: value for name, value in found.items() if value}


def gpu() -> str:
    """Name and driver of the NVIDIA cards, as nvidia-smi says them; "" without it."""
    return _first_line("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    match = re.search(rf"^{name}\s*[:=]\s*(.*)$", text, re.MULTILINE)
    return match[1].strip().strip('"') if match else ""


def _flags(cpuinfo: str) -> str:
    present = (_field(cpuinfo, "flags") or _field(cpuinfo, "Features")).split()
    return " ".join(flag for flag in _FLAGS if flag in present)


def _memory(meminfo: str) -> str:
    kib = _field(meminfo, "MemTotal").removesuffix(" kB")
    return f"{int(kib) * 1024 / 1e9:.1f} GB" if kib else ""


def _file_system(mounts: str, folder: str) -> str:
    """The type of the file system that holds `folder`: the last of the deepest mounts above it."""
    found, deepest = "", -1
    for line in mounts.splitlines():
        words = line.split()
        if len(words) < 3 or not pathlib.PurePath(folder).is_relative_to(words[1]):
            continue
        depth = len(pathlib.PurePath(words[1]).parts)
        if depth >= deepest:
            found, deepest = words[2], depth
    return found


def _system(os_release: str) -> str:
    return _field(os_release, "PRETTY_NAME") or platform.system()


def _commit() -> str:
    """The commit of the source tree that `bazel run` was called in, with a mark if changed."""
    folder = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not folder:
        return ""
    commit = _first_line("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    changed = _first_line("git", "-C", folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if commit and changed else commit


def _first_line(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = result.stdout.splitlines()
    return lines[0].strip() if result.returncode == 0 and lines else ""
