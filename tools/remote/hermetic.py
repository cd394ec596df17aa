"""Proves that the build depends on nothing but the repository."""

import argparse
import contextlib
import os
import pathlib
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence

from tools.remote import clones, miss_report, misses
from tools.remote.clones import Clone, CloneError
from tools.remote.execution_log import LogError
from tools.remote.misses import Comparison

_FAILED = 1
_WRONG_INPUT = 2
_INTERRUPTED = 130  # 128 + SIGINT, what a shell reports

_EPILOG = """\
The clones differ in folder, output base, HOME, USER, TMPDIR, locale, time zone, umask and
environment. The first fills the cache; the second runs the same command and has to find all in it,
or, with --rebuild, to make the same bytes without it.
Exit codes: 0 it did; 1 it did not, or Bazel failed; 2 a flag is wrong; 130 interrupted.

Example: bazel run //tools/remote:hermetic -- //cc/... --cache=http://127.0.0.1:8080/cache
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bazel run //tools/remote:hermetic --",
        description="Proves by two clones and one cache that the build depends on nothing but the "
        "repository.",
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", default=["//..."], help="default: //...")
    parser.add_argument(
        "--command", choices=("test", "build"), default="test", help="of Bazel (default: test)"
    )
    parser.add_argument(
        "--cache", metavar="URL|FOLDER", help="a remote or disk cache (default: a new folder)"
    )
    parser.add_argument(
        "--populate",
        metavar="FOLDER",
        help="disk cache that a clone elsewhere has filled; there is no first clone then",
    )
    parser.add_argument(
        "--first_log", metavar="FILE", help="execution log (JSON) of that clone, with --populate"
    )
    parser.add_argument(
        "--rebuild",
        action="store_true",
        help="the second clone has no cache, and all that it makes must have the same bytes: finds "
        "what hits hide, results that depend on time, chance or undeclared files",
    )
    parser.add_argument(
        "--working_tree",
        action="store_true",
        help="clone with what is changed or new in the working tree (default: HEAD)",
    )
    parser.add_argument(
        "--bazel_flag",
        action="append",
        default=[],
        metavar="FLAG",
        help="for both, such as --bazel_flag=--config=asan; may be given several times",
    )
    parser.add_argument("--scratch", metavar="FOLDER", help="for the clones (default: TMPDIR)")
    parser.add_argument("--keep", action="store_true", help="do not remove the clones and logs")
    return parser


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.populate is None) != (options.first_log is None):
        parser.error(
            "--populate and --first_log go together: a cache and the log of what filled it"
        )
    if options.populate and options.cache:
        parser.error("--populate names the cache; leave out --cache")
    for name in ("cache", "populate", "first_log", "scratch"):
        value = getattr(options, name)
        if value is not None and "://" not in value:
            setattr(options, name, _absolute(value))
    if options.populate and not os.path.isdir(options.populate):
        parser.error(f"--populate={options.populate}: there is no such folder")
    if options.first_log and not os.path.isfile(options.first_log):
        parser.error(f"--first_log={options.first_log}: there is no such file")
    if options.scratch and not os.path.isdir(options.scratch):
        parser.error(f"--scratch={options.scratch}: there is no such folder")
    return options


def _absolute(path: str) -> str:
    """`path` as seen from where the user typed the command."""
    base = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    return os.path.normpath(os.path.join(base, os.path.expanduser(path)))


def _say(line: str) -> None:
    print(f"hermetic: {line}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _scratch(options: argparse.Namespace) -> Iterator[pathlib.Path]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lenet_hermetic_", dir=options.scratch))
    try:
        yield folder
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second one would leave half of it
            signal.signal(number, signal.SIG_IGN)
        if options.keep:
            _say(f"kept {folder}")
        else:
            _say("removing the clones")
            clones.remove(folder)


def _build(clone: Clone, options: argparse.Namespace, cache: str, log: pathlib.Path) -> float:
    repository = os.environ.get("BUILD_WORKSPACE_DIRECTORY", os.getcwd())
    what = "the working tree of" if options.working_tree else "HEAD of"
    _say(f"{clone.name}: cloning {what} {repository}")
    clones.make(clone, repository, working_tree=options.working_tree)
    words = [options.command, *options.targets]
    _say(f"{clone.name}: bazel {' '.join(words)}")
    seconds = clones.run(clone, clones.command(clone, words, cache, log, options.bazel_flag), _say)
    _say(f"{clone.name}: done in {clones.duration(seconds)}")
    return seconds


def prove(options: argparse.Namespace, scratch: pathlib.Path) -> tuple[Comparison, list[str]]:
    """Runs both builds; returns how they compare, and lines on times and sizes.

    Raises:
        CloneError: a clone could not be made, or Bazel failed in it.
        LogError: an execution log cannot be read.
    """
    first, second = clones.layout(scratch)
    cache = options.populate or options.cache or str(scratch / "cache")
    first_log = pathlib.Path(options.first_log or scratch / "first.json")
    second_log = scratch / "second.json"
    facts = []
    if not options.populate:
        seconds = _build(first, options, cache, first_log)
        facts.append(f"first clone:  {clones.duration(seconds)}, filled the cache")
    if "://" not in cache:
        files, size = clones.folder_size(pathlib.Path(cache))
        facts.append(f"cache:        {size / 1e6:,.1f} MB in {files:,} files")
    seconds = _build(second, options, "" if options.rebuild else cache, second_log)
    facts.append(f"second clone: {clones.duration(seconds)}")
    return misses.compare(first_log, second_log), facts


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _scratch(options) as scratch:
            comparison, facts = prove(options, scratch)
    except (CloneError, LogError) as error:
        print(f"hermetic: error: {error}", file=sys.stderr)
        return _FAILED
    except OSError as error:
        print(f"hermetic: error: {error.filename}: {error.strerror}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("hermetic: interrupted", file=sys.stderr)
        return _INTERRUPTED
    if options.rebuild:
        print("\n".join([*facts, miss_report.render_rebuilt(comparison)]))
        return _FAILED if comparison.differing().misses else 0
    print("\n".join([*facts, miss_report.render(comparison)]))
    return _FAILED if comparison.misses else 0


if __name__ == "__main__":
    sys.exit(main())
