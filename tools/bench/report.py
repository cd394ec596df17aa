"""Command line and report of a benchmark: flags, exit codes, Markdown and JSON."""

import argparse
import json
import os
import pathlib
import shlex
import signal
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from lenet import files, limits
from tools.bench import machine
from tools.bench.measure import MeasurementError, Results

MISSING = "–"

_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it
_EPILOG = (
    "Exit codes: 0 done (a peer that failed is in the report); 1 a program of this project failed; "
    "2 wrong flag; 130 interrupted."
)

# A cell of a row: the name of the peer to its text.
Cell = Callable[[Results, str], str]


def table(title: str, columns: dict[str, Cell], results: Results, titles: dict[str, str]) -> str:
    """Returns a Markdown table.

    Args:
        title: header of the first column.
        columns: header and cell per further column.
        results: measured values.
        titles: text of the first column per peer; one row each.
    """
    lines = [[title, *columns], ["---", *["---:"] * len(columns)]]
    lines += [
        [text, *(cell(results, peer) for cell in columns.values())] for peer, text in titles.items()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def number(value: float) -> str:
    """Returns three significant digits without an exponent: "0.812", "11.7", "1320"."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:#.3g}" if abs(value) >= 0.001 else f"{value:.2g}"


def spread(metric: str) -> Cell:
    """Returns a cell with median, minimum and maximum: "0.812 (0.801–0.830)"."""

    def cell(results: Results, peer: str) -> str:
        values = results.samples.get(peer, {}).get(metric)
        if not values:
            return "failed" if results.failures.get(peer) else MISSING
        text = number(statistics.median(values))
        return f"{text} ({number(min(values))}–{number(max(values))})" if values[1:] else text

    return cell


def percent(metric: str) -> Cell:
    """Returns a cell with the median of a share between 0 and 1: "98.43 %"."""

    def cell(results: Results, peer: str) -> str:
        values = results.samples.get(peer, {}).get(metric)
        return f"{100 * statistics.median(values):.2f} %" if values else MISSING

    return cell


def ratio(metric: str, base: str) -> Cell:
    """Returns a cell with the speed relative to a peer, by medians of times: "4.21×"."""

    def cell(results: Results, peer: str) -> str:
        own, other = (results.samples.get(name, {}).get(metric) for name in (peer, base))
        if not own or not other:
            return MISSING
        return f"{number(statistics.median(other) / statistics.median(own))}×"

    return cell


def parser(
    program: str, description: str, peers: Sequence[str], base: str
) -> argparse.ArgumentParser:
    """Returns a parser with the flags that the benchmarks share."""
    result = argparse.ArgumentParser(
        prog=f"bazel run //tools/bench:{program} --",
        description=description,
        epilog=_EPILOG,
        allow_abbrev=False,
    )

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(peers):
            raise argparse.ArgumentTypeError(f"unknown peer {min(unknown)!r}")
        return [name for name in peers if name in chosen]

    result.add_argument(
        "--repetitions",
        type=at_least(1),
        default=5,
        metavar="N",
        help="measurements per case (default: 5)",
    )
    result.add_argument(
        "--peers",
        type=names,
        default=list(peers),
        metavar="NAME,…",
        help=f"peers to measure, of {', '.join(peers)} (default: all)",
    )
    result.add_argument(
        "--base", choices=peers, default=base, help=f"peer that ratios refer to (default: {base})"
    )
    result.add_argument(
        "--threads",
        type=at_least(1),
        default=limits.cores(),
        metavar="N",
        help="CPU threads of each program (default: all cores)",
    )
    result.add_argument(
        "--timeout",
        type=at_least(1),
        default=900,
        metavar="SECONDS",
        help="time limit of one measurement (default: 900)",
    )
    result.add_argument(
        "--output", metavar="FOLDER", help="folder for the report as Markdown and JSON"
    )
    result.set_defaults(program=program)
    return result


def run(
    options: argparse.Namespace,
    own_peers: Sequence[str],
    measure: Callable[[argparse.Namespace, Results], list[str]],
) -> NoReturn:
    """Measures, prints and writes the report, and exits.

    Args:
        options: result of `parser`.
        own_peers: peers whose failure is a failure of the program.
        measure: fills the results and returns the tables and notes in Markdown.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    base = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    results = Results()
    program = options.program
    facts = machine.facts() | {"threads": str(options.threads)}
    command = shlex.join(["bazel", "run", f"//tools/bench:{program}", "--", *sys.argv[1:]])
    try:
        if options.output:
            # A benchmark takes an hour: a wrong folder must fail before it.
            (base / options.output).mkdir(parents=True, exist_ok=True)
        sections = measure(options, results)
        versions = ", ".join(f"{name} {text}" for name, text in sorted(results.versions.items()))
        failed = [
            f"- {peer}, {case}: failed: {reason}"
            for peer, failures in results.failures.items()
            for case, reason in failures.items()
        ]
        head = "; ".join(f"{name}: {value}" for name, value in facts.items())
        parts = [f"`{command}`\n", f"{head}. Versions: {versions}.\n", *sections, *failed]
        markdown = "\n".join(parts) + "\n"
        print(markdown)
        if options.output:
            content = {
                "command": command,
                "machine": facts,
                "versions": results.versions,
                "results": results.samples,
                "failures": results.failures,
            }
            target = base / options.output / program
            files.write_atomically(f"{target}.md", markdown)
            files.write_atomically(f"{target}.json", json.dumps(content, indent=1) + "\n")
            print(f"{program}: wrote {target}.md and {target}.json", file=sys.stderr)
    except MeasurementError as error:
        sys.exit(f"{program}: error: {error}")
    except OSError as error:
        sys.exit(f"{program}: error: {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    sys.exit(1 if set(own_peers) & set(results.failures) else 0)


def at_least(minimum: int) -> Callable[[str], int]:
    """Returns an argparse type: a whole number of at least `minimum`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < minimum:
            raise argparse.ArgumentTypeError(f"expected a whole number >= {minimum}: {text!r}")
        return int(text)

    return parse
