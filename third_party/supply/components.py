"""The list of everything that the build fetches, or needs to have installed."""

from __future__ import annotations

import dataclasses
import re

from third_party.supply import locks
from third_party.supply.licences import Licences

_IDX_DIGEST = re.compile(r'"(?P<name>\S+-ubyte)":\s+"(?P<sha256>[0-9a-f]{64})"')
_IDX_FILES = 4

# The groups, in the order of the lists, with what they are for.
GROUPS = {
    "requirements": "Python distributions that the programs and their tests import",
    "gpu": "CUDA libraries that --config=gpu, or a machine with a GPU, puts beside them",
    "vendor": "Data and libraries that are taken out of Python distributions",
    "tools": "Python distributions that maintain and check the project",
    "headers": "Headers that a test compares this repository's declarations with",
    "peers": "Python distributions that only the benchmarks compare with",
    "remote": "Python distributions of the remote-build engine in tools/remote",
    "testing": "Python distributions of the S3 server in the tests of python/lenet/cloud",
    "npm": "npm packages that check the project",
    "system": "Debian packages that a machine needs",
    "image": "Debian packages that the executor of remote builds has beside these",
}
# What the programs and their tests need.
RUNTIME = ("requirements", "vendor", "system")


class ComponentError(Exception):
    """A list is not as expected."""


@dataclasses.dataclass(frozen=True)
class Component:
    """One version of something that comes from outside."""

    kind: str  # type in package URLs: pypi, npm, deb; "data" is none
    name: str
    group: str  # of GROUPS
    licence: str  # SPDX expression
    version: str = ""  # empty: the distribution's
    hashes: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()  # of data: (name, SHA-256)


def python(text: str, group: str, licences: Licences) -> list[Component]:
    """Of a lock of pip. Raises LockError."""
    return [
        Component("pypi", pin.name, group, _licence(licences, "pypi", pin), pin.version, pin.hashes)
        for pin in locks.read_lock(text)
    ]


def npm(text: str, group: str, licences: Licences) -> list[Component]:
    """Of a package-lock.json. Raises LockError."""
    return [
        Component("npm", pin.name, group, _licence(licences, "npm", pin), pin.version, pin.hashes)
        for pin in locks.read_npm(text)
    ]


def _licence(licences: Licences, kind: str, pin: locks.Pin) -> str:
    return licences.of(kind, pin.name, pin.version)


def debian(text: str, group: str, licences: Licences) -> list[Component]:
    """Of a packages.txt: the second word of each line."""
    lines = [line.split() for line in text.splitlines() if line.startswith("/")]
    names = sorted({words[1] for words in lines})
    return [Component("deb", name, group, licences.of("deb", name)) for name in names]


def mnist(converter: str, licences: Licences) -> Component:
    """The data set, with the digests that wheel_to_idx.py checks.

    Raises:
      ComponentError: there are not four of them.
    """
    files = tuple((match["name"], match["sha256"]) for match in _IDX_DIGEST.finditer(converter))
    if len(files) != _IDX_FILES:
        raise ComponentError(f"wheel_to_idx.py has {len(files)} SHA-256 of IDX files, not 4")
    return Component("data", "mnist", "vendor", licences.of("data", "mnist"), files=files)
