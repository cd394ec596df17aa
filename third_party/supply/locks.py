"""Reads the locks: requirements with hashes of pip, and package-lock.json of npm."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import re

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[0-9][^\s;*,]*)")
_SHA256 = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NPM_DIGITS = {"sha256": 64, "sha384": 96, "sha512": 128}


class LockError(Exception):
    """A lock holds what cannot be read."""


@dataclasses.dataclass(frozen=True)
class Pin:
    """One version of one package, and the files that may be it."""

    name: str
    version: str
    hashes: tuple[str, ...]  # of any of its files; hexadecimal SHA-256, of npm "sha512:<hex>"
    marker: str = ""  # when it applies, as the lock writes it


def normalized(name: str) -> str:
    """The name by which package indexes compare distributions."""
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(text: str) -> list[str]:
    """The requirements of a lock, each in one line with its hashes, without comments."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(^|\s)#.*", r"\1", text))
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def read_entry(entry: str) -> Pin:
    """One requirement of `entries`.

    Raises:
      LockError: it is not "<name>==<version> [; <marker>] --hash=sha256:<64 digits>…".
    """
    words, *_ = entry.partition(" --hash=")
    requirement, _, marker = (part.strip() for part in words.partition(";"))
    match = _REQUIREMENT.fullmatch(requirement)
    if not match:
        raise LockError(f"{requirement!r} is not pinned by ==")
    hashes = _SHA256.findall(entry)
    if not hashes:
        raise LockError(f"{requirement} has no --hash=sha256:…")
    return Pin(normalized(match["name"]), match["version"], tuple(hashes), marker)


def read_lock(text: str) -> list[Pin]:
    """The pins of a lock of pip. Raises LockError as read_entry does."""
    return [read_entry(entry) for entry in entries(text)]


def npm_packages(text: str) -> dict[str, dict[str, object]]:
    """{path in node_modules: entry} of a package-lock.json, without the project itself.

    Raises:
      LockError: it is not a package-lock.json of version 2 or 3.
    """
    try:
        packages = json.loads(text)["packages"]
        return {path: entry for path, entry in packages.items() if path}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LockError(f"not a package-lock.json with `packages`: {error!r}") from error


def npm_pin(path: str, entry: dict[str, object]) -> Pin:
    """One entry of npm_packages.

    Raises:
      LockError: it has no exact version or no integrity of SHA-256 or stronger.
    """
    name = str(entry.get("name") or path.rpartition("node_modules/")[2])
    version = str(entry.get("version", ""))
    if not re.match(r"[0-9]", version):
        raise LockError(f"{name} has no version")
    hashes = [_npm_hash(word) for word in str(entry.get("integrity", "")).split()]
    if not hashes or not all(hashes):
        raise LockError(f"{name} {version} has no integrity of sha256, sha384 or sha512")
    return Pin(name, version, tuple(hashes))


def _npm_hash(word: str) -> str:
    kind, _, encoded = word.partition("-")
    try:
        digits = base64.b64decode(encoded, validate=True).hex()
    except binascii.Error:
        return ""
    return f"{kind}:{digits}" if _NPM_DIGITS.get(kind) == len(digits) else ""


def read_npm(text: str) -> list[Pin]:
    """The pins of a package-lock.json. Raises LockError as npm_packages and npm_pin do."""
    return [npm_pin(path, entry) for path, entry in sorted(npm_packages(text).items())]
