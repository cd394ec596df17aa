"""A comparison of two execution logs, and the sizes of inputs in one, as text and for JSON."""

import dataclasses
import heapq
import os
from collections.abc import Iterator, Sequence
from typing import Any

from tools.remote import execution_log
from tools.remote.misses import Cause, Comparison

_CAUSES_SHOWN = 20
_NAMES_SHOWN = 4
_LARGEST_SHOWN = 15


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a spawn, or all of one mnemonic, needs on the machine that runs it."""

    name: str
    spawns: int
    files: int
    bytes: int
    distinct_bytes: int  # each content counted once, as it is uploaded


def render(comparison: Comparison) -> str:
    """The comparison for people: counts, then root causes, the most harmful first."""
    lines = [
        f"{comparison.hits:,} of {comparison.spawns:,} cacheable spawns were hits "
        f"({_percent(comparison.ratio)})",
        "  by mnemonic: "
        + ", ".join(f"{name} {t.hits}/{t.spawns}" for name, t in comparison.mnemonics.items()),
        "  by runner:   "
        + ", ".join(f"{name} {count}" for name, count in comparison.runners.items()),
    ]
    if comparison.uncacheable:
        lines.append(
            f"  tagged against caches: {len(comparison.uncacheable)}: "
            + _names(comparison.uncacheable)
        )
    return "\n".join(lines + list(_causes(comparison)))


def render_rebuilt(comparison: Comparison) -> str:
    """The same for a second build that had no cache: what it made otherwise than the first."""
    differing = comparison.differing()
    head = (
        f"{comparison.spawns:,} spawns ran again, {len(differing.misses):,} with other inputs or "
        "results (of tests, results do not count: they have times)"
    )
    return "\n".join([head, *_causes(differing, "that differ")])


def _percent(ratio: float) -> str:
    """Never 100 % for less than all."""
    return f"{int(ratio * 1000) / 10:g} %"


def _causes(comparison: Comparison, what: str = "missed") -> Iterator[str]:
    groups: dict[tuple[str, tuple[str, ...]], list[Cause]] = {}
    for cause, names in comparison.root_causes():
        groups.setdefault((cause.kind, tuple(names)), []).append(cause)
    if groups:
        yield f"{len(comparison.misses):,} {what}; the root causes:"
    for (kind, names), causes in list(groups.items())[:_CAUSES_SHOWN]:
        for cause in causes[:_NAMES_SHOWN]:
            yield f"  {kind}: {cause.text}"
        if len(causes) > _NAMES_SHOWN:
            yield f"  {kind}: {len(causes) - _NAMES_SHOWN:,} more like these"
        yield f"    {len(names):,} {what}: {_names(names)}"
    if len(groups) > _CAUSES_SHOWN:
        yield f"  … and {len(groups) - _CAUSES_SHOWN} more; --json has all"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The comparison for programs."""
    return {
        "hits": comparison.hits,
        "cacheable_spawns": comparison.spawns,
        "hit_ratio": comparison.ratio,
        "mnemonics": {
            name: dataclasses.asdict(tally) for name, tally in comparison.mnemonics.items()
        },
        "runners": dict(comparison.runners),
        "uncacheable": list(comparison.uncacheable),
        "tests_run": list(comparison.tests_run),
        "root_causes": [
            {"kind": cause.kind, "text": cause.text, "missed": names}
            for cause, names in comparison.root_causes()
        ],
    }


def sizes(path: str | os.PathLike[str]) -> tuple[list[Inputs], list[Inputs]]:
    """The spawns with the largest inputs, and the totals of each mnemonic and of all.

    Raises:
        LogError: as execution_log.read.
    """
    largest: list[tuple[int, str, int, int]] = []
    totals: dict[str, list[int]] = {}
    contents: dict[str, dict[str, int]] = {}
    for spawn in execution_log.read(path):
        distinct = {file.digest: file.size for file in spawn.inputs.values()}
        entry = (spawn.input_bytes, spawn.name, len(spawn.inputs), sum(distinct.values()))
        push = heapq.heappush if len(largest) < _LARGEST_SHOWN else heapq.heappushpop
        push(largest, entry)
        for name in (spawn.mnemonic, "all"):
            total = totals.setdefault(name, [0, 0, 0])
            for index, value in enumerate((1, len(spawn.inputs), spawn.input_bytes)):
                total[index] += value
            contents.setdefault(name, {}).update(distinct)
    spawns = [Inputs(name, 1, files, size, once) for size, name, files, once in largest]
    kinds = [Inputs(name, *totals[name], sum(contents[name].values())) for name in totals]
    order = {"key": lambda inputs: inputs.bytes, "reverse": True}
    return sorted(spawns, **order), sorted(kinds, **order)


def render_sizes(spawns: Sequence[Inputs], kinds: Sequence[Inputs]) -> str:
    """Two tables, for people."""
    head = f"{'files':>9} {'MB':>9} {'MB once':>9}  "
    row = "{0.files:>9,} {1:>9.1f} {2:>9.1f}  {0.name}"
    lines = [head + "largest inputs of one spawn"]
    lines += [row.format(item, item.bytes / 1e6, item.distinct_bytes / 1e6) for item in spawns]
    lines += ["", head + "all spawns of a mnemonic"]
    lines += [
        row.format(item, item.bytes / 1e6, item.distinct_bytes / 1e6) + f" ({item.spawns:,})"
        for item in kinds
    ]
    return "\n".join(lines)
