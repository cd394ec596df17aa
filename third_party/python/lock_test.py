"""The locks hold what the .in files ask for, completely and with hashes."""

import hashlib
import pathlib
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from runfiles import Runfiles

_NAMES = ["gpu", "peers", "remote", "requirements", "testing", "tools"]
_FOLDER = "lenet_mindspore/third_party/python"
_PLATFORMS = [
    {"python_version": version, "python_full_version": f"{version}.0", "platform_machine": machine}
    for version in ("3.10", "3.11", "3.12")
    for machine in ("x86_64", "aarch64")
]


def read(name):
    return pathlib.Path(Runfiles.Create().Rlocation(f"{_FOLDER}/{name}")).read_text()


def requirements(text):
    """[(requirement, number of hashes)] of an .in file or a lock."""
    result = []
    for block in re.split(r"\n(?=[a-z0-9])", re.sub(r"(^|\s)#.*", "", text)):
        if words := re.sub(r"--hash=\S+|\\\n", "", block).strip():
            result.append((Requirement(words), block.count("--hash=sha256:")))
    return result


def locked_for(name, platform):
    """{name: version} that the lock gives to one Python on one processor."""
    environment = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    found = {}
    for requirement, _ in requirements(read(f"{name}.lock")):
        marker = requirement.marker
        if marker is None or marker.evaluate(environment | platform):
            key = canonicalize_name(requirement.name)
            assert key not in found, f"two versions of {key} for {platform}"
            found[key] = str(requirement.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("name", _NAMES)
def test_the_lock_was_made_from_this_file(name):
    digest = hashlib.sha256(read(f"{name}.in").encode()).hexdigest()
    assert f"# sha256 {digest}\n" in read(f"{name}.lock"), (
        f"{name}.in has changed: bazel run //third_party/python:lock"
    )


@pytest.mark.parametrize("name", _NAMES)
def test_every_version_is_pinned_and_hashed(name):
    entries = requirements(read(f"{name}.lock"))
    assert entries
    for requirement, hashes in entries:
        assert re.fullmatch(r"==[0-9][^,*]*", str(requirement.specifier)), requirement
        assert hashes > 0, requirement


@pytest.mark.parametrize("platform", _PLATFORMS, ids=lambda p: "-".join(p.values()))
@pytest.mark.parametrize("name", _NAMES)
def test_every_python_and_processor_gets_what_was_asked_for(name, platform):
    locked = locked_for(name, platform)
    for requirement, _ in requirements(read(f"{name}.in")):
        if requirement.marker and not requirement.marker.evaluate(platform):
            continue
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
