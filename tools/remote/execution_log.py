"""Reads what Bazel writes with --execution_log_json_file, as 4.2.3 and as 7.7.1 write it.

The file is a stream of JSON objects, one for each spawn, with nothing or white space between them.
It may have hundreds of MB (each test lists all files of MindSpore), so one object is in memory at a
time.

7.7.1 has `cacheHit` where 4.2.3 has `remoteCacheHit`, and adds `targetLabel`, `digest` and
`metrics`; a field that was left out has its default (spawn.proto of both).
"""

import dataclasses
import functools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

_CHUNK = 1 << 20  # characters
_TORN = 16  # an error this near to the end of what was read may be a word cut in two
_TEST = "TestRunner"


class LogError(Exception):
    """A file is not an execution log or not a whole one; the message is one line."""


@dataclasses.dataclass(frozen=True, slots=True)
class File:
    """An input or output file.

    Attributes:
        digest: hash of the content in hexadecimal digits, or "-> <target>" for a symlink; empty
            where Bazel wrote none (an empty file, a folder).
        size: bytes.
    """

    digest: str
    size: int


@dataclasses.dataclass(frozen=True)
class Spawn:
    """One command that an action ran or took from a cache.

    Attributes:
        key: finds the same spawn in another log: mnemonic and first listed output.
        mnemonic: kind of action, such as CppCompile.
        target: label, or "" in a log of 4.2.3 (but for tests).
        arguments: command line.
        environment: variables by name.
        platform: properties of the execution platform by name.
        inputs: files by path, relative to the execution root.
        outputs: those made, by path.
        cache_hit: whether the result came from a disk or remote cache.
        runner: what ran it ("linux-sandbox", "remote") or which cache it came from.
        cacheable: whether it may be taken from a cache.
        remote_cacheable: whether that holds for a remote cache too.
        remotable: whether it may run remotely.
        exit_code: of the command.
        status: what went wrong, empty for success.
    """

    key: str
    mnemonic: str
    target: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    platform: Mapping[str, str]
    inputs: Mapping[str, File]
    outputs: Mapping[str, File]
    cache_hit: bool
    runner: str
    cacheable: bool
    remote_cacheable: bool
    remotable: bool
    exit_code: int
    status: str

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return f"{self.mnemonic} {self.target or self.key.partition(' ')[2]}"

    @property
    def shared(self) -> bool:
        """Whether another machine may take its result from a cache."""
        return self.cacheable and self.remote_cacheable

    @property
    def is_test(self) -> bool:
        return self.mnemonic == _TEST

    @property
    def input_bytes(self) -> int:
        return sum(file.size for file in self.inputs.values())


def read(path: str | os.PathLike[str]) -> Iterator[Spawn]:
    """The spawns of a log, in its order.

    Raises:
        LogError: the file cannot be read, is not an execution log, or ends in the middle.
    """
    seen: dict[str, int] = {}
    try:
        with open(path, encoding="utf-8") as file:
            for number, entry in enumerate(_objects(file, path), 1):
                yield _spawn(entry, seen, path, number)
    except OSError as error:
        raise LogError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LogError(f"{path}: not a JSON execution log (not UTF-8 text)") from error


def _objects(file: TextIO, path: str | os.PathLike[str]) -> Iterator[Any]:
    """The JSON values of a file, one after the other."""
    decode = json.JSONDecoder().raw_decode
    text, start, count = "", 0, 0
    while True:
        start = _skip_space(text, start)
        if start < len(text) and text[start] != "{":
            raise LogError(
                f"{path}: not a JSON execution log: no spawn begins after {count} of them"
            )
        try:
            value, start = decode(text, start)
        except json.JSONDecodeError as error:
            # As much again as is there, so that a long object is not tried too often.
            more = file.read(max(_CHUNK, len(text) - start))
            if _is_torn(error, text) and more:
                text, start = text[start:] + more, 0
                continue
            if more or not _is_torn(error, text):
                raise LogError(
                    f"{path}: not a JSON execution log: {error.msg} after {count} spawns"
                ) from error
            if start < len(text):
                raise LogError(
                    f"{path}: ends in the middle of spawn {count + 1}; was Bazel interrupted?"
                ) from error
            return
        count += 1
        yield value


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def _is_torn(error: json.JSONDecodeError, text: str) -> bool:
    """Whether more text could make the error go away."""
    return error.msg.startswith("Unterminated string") or error.pos + _TORN >= len(text)


def _spawn(entry: Any, seen: dict[str, int], path: str | os.PathLike[str], number: int) -> Spawn:
    try:
        return _parse(entry, seen)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LogError(
            f"{path}: entry {number} is not a spawn as Bazel 4 to 7 write it with "
            f"--execution_log_json_file ({type(error).__name__}: {error})"
        ) from error


def _parse(entry: dict[str, Any], seen: dict[str, int]) -> Spawn:
    mnemonic = sys.intern(entry["mnemonic"])
    environment = _pairs(entry.get("environmentVariables", []))
    target = entry.get("targetLabel") or environment.get("TEST_TARGET", "")
    listed = entry.get("listedOutputs") or [target]
    key = f"{mnemonic} {listed[0]}"
    seen[key] = seen.get(key, 0) + 1
    if seen[key] > 1:  # attempts of a flaky test
        key += f" #{seen[key]}"
    return Spawn(
        key=key,
        mnemonic=mnemonic,
        target=target,
        arguments=tuple(entry["commandArgs"]),
        environment=environment,
        platform=_pairs((entry.get("platform") or {}).get("properties", [])),
        inputs=_files(entry.get("inputs", [])),
        outputs=_files(entry.get("actualOutputs", [])),
        cache_hit=bool(entry.get("cacheHit", entry.get("remoteCacheHit", False))),
        runner=entry.get("runner", ""),
        cacheable=bool(entry.get("cacheable", False)),
        remote_cacheable=bool(entry.get("remoteCacheable", False)),
        remotable=bool(entry.get("remotable", False)),
        exit_code=int(entry.get("exitCode", 0)),
        status=entry.get("status", ""),
    )


def _pairs(entries: list[dict[str, str]]) -> dict[str, str]:
    return {sys.intern(entry["name"]): entry.get("value", "") for entry in entries}


def _files(entries: list[dict[str, Any]]) -> dict[str, File]:
    return {sys.intern(entry["path"]): _file(entry) for entry in entries}


def _file(entry: dict[str, Any]) -> File:
    if target := entry.get("symlinkTargetPath"):
        return File(f"-> {target}", 0)
    digest = entry.get("digest") or {}
    return _shared_file(digest.get("hash", ""), int(digest.get("sizeBytes", 0)))


# Shared, like the interned paths: a file of MindSpore is an input of a hundred spawns.
@functools.lru_cache(maxsize=1 << 16)
def _shared_file(digest: str, size: int) -> File:
    return File(digest, size)
