"""What both benchmarks do at their start and end: flags, signals, exit codes."""

import argparse
import contextlib
import os
import pathlib
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import NoReturn

from tools.bench import report
from tools.bench.process import ProcessError
from tools.bench.report import Report

_FAILED = 1
_WRONG_INPUT = 2
_INTERRUPTED = 130  # 128 + SIGINT, what a shell reports

_EPILOG = (
    "Exit codes: 0 done (a peer that failed is in the report); 1 one of ours failed; "
    "2 a flag is wrong; 130 interrupted."
)


def parser(
    program: str, description: str, peers: Sequence[str], base: str
) -> argparse.ArgumentParser:
    """A parser with the flags that both benchmarks have.

    Args:
        program: name of the target.
        description: for --help.
        peers: names that --peers and --base take.
        base: default of --base.
    """
    result = argparse.ArgumentParser(
        prog=f"bazel run //tools/bench:{program} --",
        description=description,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    result.add_argument(
        "--repetitions", type=at_least(1), default=5, metavar="N", help="measurements of each case"
    )
    result.add_argument(
        "--peers",
        type=_names(peers),
        default=list(peers),
        metavar="NAME,…",
        help=f"whom to measure, of {', '.join(peers)} (default: all)",
    )
    result.add_argument(
        "--base", choices=peers, default=base, metavar="NAME", help="whom ratios compare with"
    )
    result.add_argument(
        "--threads",
        type=at_least(1),
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="for all whose threads can be set, where a case does not say one",
    )
    result.add_argument(
        "--timeout", type=at_least(1), default=900, metavar="SECONDS", help="of one measurement"
    )
    result.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="PATH",
        help="a folder for the report as Markdown and JSON, or <file>.md, or <file>.json; in an "
        f".md file with the lines `<!-- {program} begin -->` and `<!-- {program} end -->` what "
        "stands between them is replaced; may be given several times (default: stdout only)",
    )
    result.set_defaults(program=program)
    # argparse would show these defaults in a form that cannot be typed.
    for action in result._actions:
        if action.dest in ("peers", "output"):
            action.help = (action.help or "") + "%(default).0s"
    return result


def run(options: argparse.Namespace, ours: Sequence[str], work: Callable[..., Report]) -> NoReturn:
    """Calls `work(options, folder, command)`, writes the report and exits.

    Args:
        options: of a parser() above.
        ours: peers whose failure is a failure of the program.
        work: measures; `folder` is temporary, `command` what the user typed.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for path in options.output:
        _check_output(options.program, absolute(path))
    command = f"bazel run //tools/bench:{options.program}"
    if arguments := sys.argv[1:]:
        command += f" -- {shlex.join(arguments)}"
    try:
        with tempfile.TemporaryDirectory(prefix="lenet_bench_") as folder:
            result = work(options, pathlib.Path(folder), command)
        print(result.markdown())
        for path in options.output:
            for written in report.write(result, absolute(path)):
                print(f"{options.program}: wrote {written}", file=sys.stderr)
    except ProcessError as error:
        fail(options.program, str(error), _FAILED)
    except KeyboardInterrupt:
        print(f"{options.program}: interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except OSError as error:
        fail(options.program, f"{error.filename or 'I/O'}: {error.strerror or error}", _FAILED)
    sys.exit(_FAILED if set(ours) & set(result.results.failures) else 0)


def fail(program: str, message: str, code: int = _WRONG_INPUT) -> NoReturn:
    """Ends the program with one line."""
    print(f"{program}: error: {message}", file=sys.stderr)
    sys.exit(code)


def absolute(path: str) -> str:
    """`path` as seen from where the user typed the command."""
    base = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    return os.path.normpath(os.path.join(base, os.path.expanduser(path)))


def at_least(minimum: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `minimum`."""

    def parse(text: str) -> int:
        with contextlib.suppress(ValueError):
            if int(text) >= minimum:
                return int(text)
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least {minimum}, found {text!r}"
        )

    return parse


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"unknown peer {name!r}; known are {', '.join(known)}"
                )
        if not names:
            raise argparse.ArgumentTypeError("names no peer")
        return [name for name in known if name in names]

    return parse


def _check_output(program: str, path: str) -> None:
    """That the place for the report exists is worth knowing before the hour it takes."""
    folder = os.path.dirname(path) if path.endswith((".md", ".json")) else path
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        fail(program, f"--output={path}: {folder} is not a folder that can be written to")
    if path.endswith((".md", ".json")) and not os.path.isdir(os.path.dirname(path)):
        fail(program, f"--output={path}: there is no folder {os.path.dirname(path)}")
