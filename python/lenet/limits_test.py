import os
import types

import psutil
import pytest

from lenet import limits


def _machine(folder, cgroup, mount, files):
    """Writes the files of a process and of its control groups; returns the process's folder."""
    (folder / "cgroup").write_text(f"7:pids:/\n{cgroup}\n")
    (folder / "mountinfo").write_text(
        "23 1 0:20 / /proc rw,relatime - proc proc rw\n" + mount.replace("MOUNT", f"{folder}/fs")
    )
    for name, text in files.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


V2 = "30 23 0:27 / MOUNT rw,nosuid shared:4 - cgroup2 cgroup rw,nsdelegate\n"
V1 = "31 23 0:28 / MOUNT rw - cgroup cgroup rw,cpuacct,cpu\n"


# The same cases as in cc/base/cores_test.cc.
@pytest.mark.parametrize(
    ("cgroup", "mount", "files", "cores"),
    [
        ("0::/a/b", V2, {"a/b/cpu.max": "150000 100000\n"}, 2),
        ("0::/a/b", V2, {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, 1),
        ("0::/", V2, {"cpu.max": "300000 100000\n"}, 3),
        ("0::/a", V2, {"a/cpu.max": "max 100000\n"}, 64),
        ("0::/a", V2, {"b/cpu.max": "100000 100000\n"}, 64),
        (
            "4:cpu,cpuacct:/a",
            V1,
            {"a/cpu.cfs_quota_us": "250000\n", "a/cpu.cfs_period_us": "100000\n"},
            3,
        ),
        (
            "4:cpu,cpuacct:/a",
            V1,
            {"a/cpu.cfs_quota_us": "-1\n", "a/cpu.cfs_period_us": "100000\n"},
            64,
        ),
        (
            "4:cpuset:/a",
            V1,
            {"a/cpu.cfs_quota_us": "100000\n", "a/cpu.cfs_period_us": "100000\n"},
            64,
        ),
        # A container that sees the host's paths.
        ("0::/docker/1", V2.replace(" / ", " /docker/1 "), {"cpu.max": "200000 100000\n"}, 2),
        ("0::/a", "", {}, 64),
    ],
)
def test_cores_are_those_of_the_quota(tmp_path, monkeypatch, cgroup, mount, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert limits.cores(_machine(tmp_path, cgroup, mount, files)) == cores


def test_cores_are_at_most_those_of_the_affinity(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 7})
    assert limits.cores(_machine(tmp_path, "0::/", V2, {"cpu.max": "900000 100000"})) == 2
    assert limits.cores(tmp_path / "missing") == 2


V1_MEMORY = V1.replace("cpuacct,cpu", "memory")


@pytest.mark.parametrize(
    ("cgroup", "mount", "files", "available"),
    [
        ("0::/a", V2, {"a/memory.max": "5000", "a/memory.current": "3000"}, 2000),
        (
            "0::/a/b",
            V2,
            {
                "a/memory.max": "5000",
                "a/memory.current": "4000",
                "a/memory.stat": "anon 3000\ninactive_file 600\n",
                "a/b/memory.max": "max",
                "a/b/memory.current": "3000",
            },
            1600,
        ),
        ("0::/a", V2, {"a/memory.max": "5000", "a/memory.current": "6000"}, 0),
        ("0::/a", V2, {"a/memory.max": "max", "a/memory.current": "3000"}, 10**10),
        (
            "9:memory:/a",
            V1_MEMORY,
            {
                "a/memory.limit_in_bytes": "5000\n",
                "a/memory.usage_in_bytes": "4000\n",
                "a/memory.stat": "inactive_file 1\ntotal_inactive_file 500\n",
                "memory.limit_in_bytes": "9223372036854771712\n",
                "memory.usage_in_bytes": "4000\n",
            },
            1500,
        ),
    ],
)
def test_available_memory_is_what_the_groups_leave(
    tmp_path, monkeypatch, cgroup, mount, files, available
):
    machine = types.SimpleNamespace(available=10**10)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    assert limits.available_memory(_machine(tmp_path, cgroup, mount, files)) == available


def test_this_machine_has_cores_and_memory():
    assert 1 <= limits.cores() <= len(os.sched_getaffinity(0))
    assert limits.available_memory() > 0
