"""Measures cases in alternating order: A B C, C B A, A B C, …

So that what changes slowly on a machine (its temperature, its neighbours) meets all alike.
"""

import dataclasses
import pathlib
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence

from tools.bench.process import ProcessError

Metrics = dict[str, float]


class CheckError(Exception):
    """A case ran, but did not do the same work as the others; the message says how."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing to measure about one peer.

    Attributes:
        peer: name of the peer; several cases may tell of one.
        name: of the case, for progress and messages.
        measure: measures once, in the folder given, which is empty and will be removed.
            Raises ProcessError or CheckError.
    """

    peer: str
    name: str
    measure: Callable[[pathlib.Path], Metrics]


@dataclasses.dataclass
class Results:
    """What was measured.

    Attributes:
        samples: {(peer, metric): a value for each repetition}.
        failures: {peer: {case: reason}}.
    """

    samples: dict[tuple[str, str], list[float]] = dataclasses.field(default_factory=dict)
    failures: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    def add(self, peer: str, metrics: Metrics) -> None:
        for metric, value in metrics.items():
            self.samples.setdefault((peer, metric), []).append(value)

    def failed(self, case: Case) -> bool:
        return case.name in self.failures.get(case.peer, {})

    def fail(self, case: Case, reason: str) -> None:
        self.failures.setdefault(case.peer, {})[case.name] = reason


def order(cases: Sequence[Case], repetitions: int) -> Iterator[tuple[int, Case]]:
    """(repetition from 1, case): forwards in odd repetitions, backwards in even ones."""
    for repetition in range(1, repetitions + 1):
        for case in cases if repetition % 2 else reversed(cases):
            yield repetition, case


def say(line: str) -> None:
    """Shows a line of progress."""
    print(line, file=sys.stderr, flush=True)


def run(cases: Sequence[Case], repetitions: int, tell: Callable[[str], None] = say) -> Results:
    """Measures each case `repetitions` times; one that failed is not tried again.

    Args:
        cases: in the order of the first round.
        repetitions: at least 1.
        tell: takes a line of progress.
    """
    results = Results()
    for repetition, case in order(cases, repetitions):
        if results.failed(case):
            continue
        where = f"[{repetition}/{repetitions}] {case.peer}: {case.name}"
        tell(f"{where} …")
        try:
            with tempfile.TemporaryDirectory(prefix="lenet_bench_") as folder:
                metrics = case.measure(pathlib.Path(folder))
        except (ProcessError, CheckError) as error:
            results.fail(case, _one_line(error))
            tell(f"{where}: failed: {_one_line(error)}")
            continue
        results.add(case.peer, metrics)
        tell(f"{where}: {_shown(metrics.items())}")
    return results


def _shown(metrics: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
