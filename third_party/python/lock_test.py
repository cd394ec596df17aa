"""The locks have what the .in files require; //third_party/supply tests their hashes."""

import hashlib
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lenet import resources

_NAMES = ["gpu", "nvrtc", "peers", "remote", "requirements", "testing", "tools"]
_PLATFORMS = [
    {"python_version": version, "python_full_version": f"{version}.0", "platform_machine": machine}
    for version in ("3.10", "3.11", "3.12")
    for machine in ("x86_64", "aarch64")
]


def read(name):
    return resources.path(f"third_party/python/{name}").read_text()


def requirements(text):
    """Returns the requirements of an .in file or a lock."""
    plain = re.sub(r"--hash=\S+|\\\n", "", re.sub(r"(^|\s)#.*", "", text))
    return [Requirement(line) for line in plain.splitlines() if line.strip()]


def locked_for(name, platform):
    """Returns the locked version per distribution for a Python version and a processor."""
    environment = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    found = {}
    for requirement in requirements(read(f"{name}.lock")):
        marker = requirement.marker
        if marker is None or marker.evaluate(environment | platform):
            key = canonicalize_name(requirement.name)
            assert key not in found, f"two versions of {key} for {platform}"
            found[key] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("name", _NAMES)
def test_lock_is_current(name):
    digest = hashlib.sha256(read(f"{name}.in").encode()).hexdigest()
    assert f"# sha256 {digest}\n" in read(f"{name}.lock"), (
        f"{name}.in has changed: bazel run //third_party/python:lock"
    )


def test_requirements_of_pip_without_bazel_are_those_of_the_lock():
    lock = [(str(r), str(r.marker)) for r in requirements(read("requirements.lock"))]
    text = resources.path("python/requirements.txt").read_text()
    assert [(str(r), str(r.marker)) for r in requirements(text)] == lock


@pytest.mark.parametrize("platform", _PLATFORMS, ids=lambda p: "-".join(p.values()))
@pytest.mark.parametrize("name", _NAMES)
def test_requirements_are_locked_for_every_platform(name, platform):
    locked = locked_for(name, platform)
    for requirement in requirements(read(f"{name}.in")):
        if requirement.marker is None or requirement.marker.evaluate(platform):
            version = locked[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), requirement
