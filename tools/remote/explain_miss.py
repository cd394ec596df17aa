"""Says why spawns of a second build missed the cache that a first one filled."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from tools.remote import miss_report, misses
from tools.remote.execution_log import LogError

_MISSES = 1
_WRONG_INPUT = 2

_EPILOG = """\
Make the logs with `tools/bazel test --disk_cache=<folder> --execution_log_json_file=<log> //...` in
two clones, or both clones and logs with `bazel run //tools/remote:hermetic`.
Exit codes: 0 each spawn that may come from a cache did; 1 some did not; 2 a log cannot be read.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bazel run //tools/remote:explain_miss --",
        description="Says what part of a second build came from the cache that a first one filled, "
        "and for what did not which variable, argument or input file is to blame.",
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", help="execution log (JSON) of the build that filled the cache")
    parser.add_argument("second", nargs="?", help="that of the build that should have used it")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--sizes",
        action="store_true",
        help="also say which spawns have the largest inputs, in the second log, or in the only one",
    )
    return parser


def _absolute(path: str) -> str:
    """`path` as seen from where the user typed the command."""
    base = os.environ.get("BUILD_WORKING_DIRECTORY", os.getcwd())
    return os.path.normpath(os.path.join(base, os.path.expanduser(path)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.second is None and not options.sizes:
        parser.error("name the second log too, or ask for --sizes of this one")
    result: dict[str, Any] = {}
    text = []
    code = 0
    try:
        if options.second is not None:
            comparison = misses.compare(_absolute(options.first), _absolute(options.second))
            result |= miss_report.as_json(comparison)
            text.append(miss_report.render(comparison))
            code = _MISSES if comparison.misses else 0
        if options.sizes:
            spawns, kinds = miss_report.sizes(_absolute(options.second or options.first))
            result["largest"] = [dataclasses.asdict(item) for item in spawns]
            result["totals"] = [dataclasses.asdict(item) for item in kinds]
            text.append(miss_report.render_sizes(spawns, kinds))
    except LogError as error:
        print(f"explain_miss: error: {error}", file=sys.stderr)
        return _WRONG_INPUT
    print(json.dumps(result, indent=1) if options.json else "\n\n".join(text))
    return code


if __name__ == "__main__":
    sys.exit(main())
