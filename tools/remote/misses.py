"""Why spawns of a second build were not taken from the cache that the first one filled."""

import collections
import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping

from tools.remote import execution_log
from tools.remote.execution_log import File, LogError, Spawn

_NO_SPAWN = "{path}: has no spawn; was everything up to date, or nothing built?"
_NOT_STORED = "not stored"
_SHOWN = 80  # characters of a value


@dataclasses.dataclass(frozen=True, order=True)
class Cause:
    """One reason for a miss.

    Attributes:
        kind: "environment", "argument", "platform", "input", "not in the first log", "not stored",
            "not deterministic" or "cache was not empty".
        text: the variable, argument, file or spawn, and how it differs.
    """

    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Miss:
    """A spawn that should have been in the cache and was not.

    Attributes:
        name: of the spawn.
        causes: the root causes, which may lie in the spawns that made its inputs.
    """

    name: str
    causes: tuple[Cause, ...]


@dataclasses.dataclass(frozen=True)
class Tally:
    """Counts of the cacheable spawns of one mnemonic or runner."""

    hits: int
    spawns: int


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What became of the spawns of the second log.

    Attributes:
        mnemonics: of those that another machine may take from a cache, by mnemonic.
        runners: number of all spawns by runner.
        uncacheable: names of those that no other machine may take from a cache.
        tests_run: names of tests that ran, cacheable or not.
        misses: in the order of the log.
    """

    mnemonics: Mapping[str, Tally]
    runners: Mapping[str, int]
    uncacheable: tuple[str, ...]
    tests_run: tuple[str, ...]
    misses: tuple[Miss, ...]

    @property
    def hits(self) -> int:
        return sum(tally.hits for tally in self.mnemonics.values())

    @property
    def spawns(self) -> int:
        """Those that could have been hits."""
        return sum(tally.spawns for tally in self.mnemonics.values())

    @property
    def ratio(self) -> float:
        """Hits of what could have been hits, 1 for all of them."""
        return self.hits / self.spawns if self.spawns else 1.0

    def differing(self) -> "Comparison":
        """Only what differs, for a second build that had no cache and so hit nothing."""
        left = []
        for miss in self.misses:
            causes = tuple(cause for cause in miss.causes if cause.kind != _NOT_STORED)
            if causes:
                left.append(dataclasses.replace(miss, causes=causes))
        return dataclasses.replace(self, misses=tuple(left))

    def root_causes(self) -> list[tuple[Cause, list[str]]]:
        """Each cause with the names of the spawns that missed by it, the most harmful first."""
        found: dict[Cause, list[str]] = collections.defaultdict(list)
        for miss in self.misses:
            for cause in miss.causes:
                found[cause].append(miss.name)
        return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


@dataclasses.dataclass
class _Second:
    """The second log: all that is needed of spawns that hit, everything of those that missed."""

    tallies: dict[str, list[int]]
    runners: collections.Counter[str]
    uncacheable: list[str]
    tests_run: list[str]
    names: dict[str, str]  # by key
    by_path: dict[str, str]  # key of the spawn that made a file
    by_digest: dict[str, str]
    ran: dict[str, Spawn]  # missed or not cacheable, by key


def compare(first: str | os.PathLike[str], second: str | os.PathLike[str]) -> Comparison:
    """Explains the misses of the log `second` by the log `first`.

    Raises:
        LogError: one of them is no execution log, or has no spawn.
    """
    log = _read_second(second)
    tracer = _Tracer(log, _differences(first, log))
    misses = [
        Miss(spawn.name, tracer.causes(key)) for key, spawn in log.ran.items() if spawn.shared
    ]
    return Comparison(
        mnemonics={name: Tally(*log.tallies[name]) for name in sorted(log.tallies)},
        runners=dict(sorted(log.runners.items())),
        uncacheable=tuple(log.uncacheable),
        tests_run=tuple(log.tests_run),
        misses=tuple(misses),
    )


def _read_second(path: str | os.PathLike[str]) -> _Second:
    log = _Second({}, collections.Counter(), [], [], {}, {}, {}, {})
    for spawn in execution_log.read(path):
        log.runners[spawn.runner or "not run"] += 1
        log.names[spawn.key] = spawn.name
        if spawn.shared:
            tally = log.tallies.setdefault(spawn.mnemonic, [0, 0])
            tally[0] += spawn.cache_hit
            tally[1] += 1
        else:
            log.uncacheable.append(spawn.name)
        if not spawn.cache_hit:
            log.ran[spawn.key] = spawn
            if spawn.is_test:
                log.tests_run.append(spawn.name)
        for output, file in spawn.outputs.items():
            log.by_path[output] = spawn.key
            if file.size:
                log.by_digest.setdefault(file.digest, spawn.key)
    if not log.names:
        raise LogError(_NO_SPAWN.format(path=path))
    return log


@dataclasses.dataclass(frozen=True)
class _Difference:
    """How a spawn of the second log differs from the same one of the first.

    Attributes:
        causes: in environment, arguments and platform.
        inputs: that differ, by path: in the first log and in the second, None where absent.
        same: the reason for a miss if there is neither.
        outputs: paths whose content differs.
    """

    causes: tuple[Cause, ...]
    inputs: Mapping[str, tuple[File | None, File | None]]
    same: Cause
    outputs: tuple[str, ...]


def _differences(first: str | os.PathLike[str], log: _Second) -> dict[str, _Difference]:
    """Of the spawns that ran in the second build, by key; without those not in the first log."""
    differences = {}
    empty = True
    for spawn in execution_log.read(first):
        empty = False
        if spawn.key in log.ran:
            differences[spawn.key] = _difference(spawn, log.ran[spawn.key])
    if empty:
        raise LogError(_NO_SPAWN.format(path=first))
    return differences


def _difference(first: Spawn, second: Spawn) -> _Difference:
    causes = [
        *_mapping("environment", first.environment, second.environment),
        *_arguments(first.arguments, second.arguments),
        *_mapping("platform", first.platform, second.platform),
    ]
    inputs = {
        path: (first.inputs.get(path), second.inputs.get(path))
        for path in sorted(first.inputs.keys() | second.inputs.keys())
        if first.inputs.get(path) != second.inputs.get(path)
    }
    outputs = [
        path
        for path, file in second.outputs.items()
        if path in first.outputs and first.outputs[path] != file
    ]
    return _Difference(tuple(causes), inputs, _not_stored(first), tuple(outputs))


def _mapping(kind: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Cause]:
    for name in sorted(first.keys() | second.keys()):
        old, new = first.get(name), second.get(name)
        if old != new:
            yield Cause(kind, f"{name}: {_show(old)} → {_show(new)}")


def _arguments(first: tuple[str, ...], second: tuple[str, ...]) -> Iterator[Cause]:
    """The first argument that differs: in a list that is shifted, all after it do."""
    for index in range(max(len(first), len(second))):
        old = first[index] if index < len(first) else None
        new = second[index] if index < len(second) else None
        if old != new:
            yield Cause("argument", f"{index}: {_show(old, new)} → {_show(new, old)}")
            return


def _show(value: str | None, other: str | None = None) -> str:
    """`value` for a message; of a long one, the part where it begins to differ from `other`."""
    if value is None:
        return "none"
    common = len(os.path.commonprefix([value, other or ""]))
    start = max(0, common - _SHOWN // 2) if len(value) > _SHOWN else 0
    part = value[start : start + _SHOWN]
    return f"{'…' if start else ''}{part!r}{'…' if start + _SHOWN < len(value) else ''}"


def _not_stored(first: Spawn) -> Cause:
    if first.exit_code or first.status:
        reason = f"it failed ({first.status or 'exit code'} {first.exit_code})"
    elif not first.shared:
        reason = "its target is tagged against it there"
    else:
        reason = "was the cache not written, or has the entry been removed since?"
    return Cause(_NOT_STORED, f"the first build's result: {reason}")


class _Tracer:
    """Follows inputs to the spawns that made them."""

    def __init__(self, log: _Second, differences: dict[str, _Difference]) -> None:
        self._log = log
        self._differences = differences
        self._causes: dict[str, tuple[Cause, ...]] = {}

    def causes(self, key: str) -> tuple[Cause, ...]:
        """The root causes of a spawn that ran."""
        if key not in self._causes:
            self._causes[key] = ()  # a log has no cycles, but is a file from outside
            self._causes[key] = tuple(sorted(set(self._find(key))))
        return self._causes[key]

    def _find(self, key: str) -> Iterable[Cause]:
        difference = self._differences.get(key)
        if difference is None:
            return [Cause("not in the first log", self._log.names[key])]
        found = list(difference.causes)
        for path, (old, new) in difference.inputs.items():
            found += self._input(path, old, new)
        if found:
            return found
        if difference.outputs and not self._log.ran[key].is_test:  # test.xml has its time
            return [self._not_deterministic(key, difference)]
        return [difference.same]

    def _input(self, path: str, old: File | None, new: File | None) -> Iterable[Cause]:
        maker = self._maker(path, new)
        if maker in self._log.ran:
            return self.causes(maker)
        if maker is not None:
            name = self._log.names[maker]
            text = f"{path}: the cache had another result of {name}"
            return [Cause("cache was not empty", text)]
        if old is None:
            return [Cause("input", f"{path}: only in the second")]
        if new is None:
            return [Cause("input", f"{path}: only in the first")]
        return [Cause("input", f"{path}: content differs (no spawn makes it)")]

    def _maker(self, path: str, file: File | None) -> str | None:
        """Key of the spawn that made a file, under this path or, by a symlink, another."""
        by_path = self._log.by_path.get(path)
        if by_path or not file or not file.size:
            return by_path
        return self._log.by_digest.get(file.digest)

    def _not_deterministic(self, key: str, difference: _Difference) -> Cause:
        outputs = ", ".join(difference.outputs[:3])
        more = f" and {len(difference.outputs) - 3} more" if len(difference.outputs) > 3 else ""
        spawn = self._log.ran[key]
        why = "" if spawn.shared else " (not cacheable, so it ran in both)"
        return Cause(
            "not deterministic",
            f"{spawn.name}{why}: the same inputs gave other outputs: {outputs}{more}",
        )
