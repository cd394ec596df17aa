"""Reads the locks of pip."""

from __future__ import annotations

import re
from typing import NamedTuple


class LockError(Exception):
    """A requirement has no exact version."""


class Pin(NamedTuple):
    """One version of a distribution, with its normalized name."""

    name: str
    version: str


def normalized(name: str) -> str:
    """Returns the name that package indexes compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(text: str) -> list[str]:
    """Returns the requirements of a lock with their hashes, one per line, without comments."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(^|\s)#.*", "", text))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def read_lock(text: str) -> list[Pin]:
    """Returns the pinned versions of a lock, or raises LockError."""
    pins = []
    for line in requirements(text):
        match = re.match(r"([A-Za-z0-9][\w.-]*)==([0-9][^\s;*,]*)(\s|$)", line)
        if not match:
            raise LockError(f"{line.partition(' ')[0]!r} is not pinned by ==")
        pins.append(Pin(normalized(match[1]), match[2]))
    return pins
