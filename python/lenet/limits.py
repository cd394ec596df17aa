"""CPU cores and memory that this process may use: affinity and Linux control groups."""

import math
import os
import pathlib
from collections.abc import Iterator

import psutil

_PROC = pathlib.Path("/proc/self")


def cores(proc: pathlib.Path = _PROC) -> int:
    """Returns the number of CPU cores that this process may use, at least 1.

    These are the cores of its affinity, but not more than the CPU quota (rounded up) of its control
    group and the groups above it, version 1 or 2. cc/base/cores.h is the same in C++.

    Args:
        proc: folder with the kernel's files "cgroup" and "mountinfo" about this process.
    """
    quotas = []
    for group in _groups("cpu", proc):
        # "max" and -1: no quota.
        quota, period = (
            _words(group / "cpu.max")
            or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
            or ["max", "max"]
        )
        if quota.isdecimal() and int(quota) and int(period):
            quotas.append(math.ceil(int(quota) / int(period)))
    return min([len(os.sched_getaffinity(0)), *quotas])


def available_memory(proc: pathlib.Path = _PROC) -> int:
    """Returns the bytes that this process can still allocate.

    It is the memory that the machine has left, but not more than the limits of its control groups
    leave. Cached files that are not in use do not count as used.

    Args:
        proc: as for cores().
    """
    left = [psutil.virtual_memory().available]
    for group in _groups("memory", proc):
        limit = _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        used = _words(group / "memory.current") or _words(group / "memory.usage_in_bytes")
        if limit and used and limit[0].isdecimal():
            stat = _words(group / "memory.stat")
            values = dict(zip(stat[::2], stat[1::2], strict=False))
            cached = values.get("total_inactive_file") or values.get("inactive_file", "0")
            left.append(int(limit[0]) - int(used[0]) + int(cached))
    return max(0, min(left))


def _groups(controller: str, proc: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the folders of this process's control groups, from its own to the outermost visible.

    Version 2 has one hierarchy for all controllers.
    """
    # <id>:<controllers>:<path>; version 2 has no controllers.
    paths = {}
    for line in _lines(proc / "cgroup"):
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    for line in _lines(proc / "mountinfo"):
        # <id> <parent> <device> <root> <mount point> ... - <type> <source> <options>
        fields, _, more = line.partition(" - ")
        kind, _, options = more.split()[:3]
        name = {"cgroup2": "", "cgroup": controller}.get(kind)
        if name is None or name not in paths or (name and name not in options.split(",")):
            continue
        # In a container that sees the host's paths, the mounted group is not "/".
        root, mount = fields.split()[3:5]
        below = pathlib.PurePath(paths[name].removeprefix(root).lstrip("/"))
        for parent in (below, *below.parents):
            yield pathlib.Path(mount) / parent


def _lines(path: pathlib.Path) -> list[str]:
    try:
        return path.read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux, or the file is missing at this level
        return []


def _words(path: pathlib.Path) -> list[str]:
    return " ".join(_lines(path)).split()
