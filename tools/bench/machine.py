"""Facts about the machine that figures come from."""

import os
import pathlib
import platform
import re
import subprocess
import tempfile

from lenet import limits

_FLAGS = ("avx2", "fma", "avx512f", "avx512vl", "avx512_vnni", "amx_tile", "asimd", "sve")


def facts() -> dict[str, str]:
    """Returns the facts that this machine offers, by name, in the order to print them."""
    cpuinfo = _read("/proc/cpuinfo")
    flags = (_field(cpuinfo, "flags") or _field(cpuinfo, "Features")).split()
    memory = _field(_read("/proc/meminfo"), "MemTotal").removesuffix(" kB")
    folder = os.environ.get("BUILD_WORKSPACE_DIRECTORY", ".")
    changed = _first_line("git", "-C", folder, "status", "--porcelain", "--untracked-files=no")
    found = {
        "CPU": _field(cpuinfo, "model name") or platform.machine(),
        "CPU flags": " ".join(flag for flag in _FLAGS if flag in flags),
        "cores": str(limits.cores()),
        "GPU": _first_line(
            "nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"
        ),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip(),
        "memory": f"{int(memory) * 1024 / 1e9:.1f} GB" if memory else "",
        "file system": _first_line("stat", "-f", "-c", "%T", tempfile.gettempdir()),
        "load at start": " ".join(_read("/proc/loadavg").split()[:3]),
        "system": f"{_field(_read('/etc/os-release'), 'PRETTY_NAME')}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "compiler": _first_line("g++", "--version"),
        "commit": _first_line("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
        + (" with changes" if changed else ""),
    }
    return {name: value for name, value in found.items() if value}


def _read(path: str) -> str:
    try:
        return pathlib.Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    match = re.search(rf"^{name}\s*[:=]\s*(.*)$", text, re.MULTILINE)
    return match[1].strip().strip('"') if match else ""


def _first_line(*command: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.partition("\n")[0].strip()
