"""Formatters and linters over the files of the repository, in one command.

Without paths all files that git knows or would add are looked at. --fix repairs what can be
repaired by a program. Exit codes: 0 clean; 1 there are findings; 2 a flag is wrong; 3 a linter
cannot be had (the message says how to get it).
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence

from tools.lint.linters import LINTERS, Linter, MissingLinterError


def _parser() -> argparse.ArgumentParser:
    head, _, tail = __doc__.partition("\n\n")
    names = ", ".join(linter.name for linter in LINTERS)
    parser = argparse.ArgumentParser(prog="tools/lint/run", description=head, epilog=tail)
    parser.add_argument("--fix", action="store_true", help="repair what can be repaired")
    parser.add_argument(
        "--only",
        default="",
        metavar="NAME,…",
        help=f"of {names} (default: all but clang-tidy)",
    )
    parser.add_argument("paths", nargs="*", help="files or folders (default: all)")
    return parser


def _chosen(parser: argparse.ArgumentParser, only: str) -> list[Linter]:
    by_name = {linter.name: linter for linter in LINTERS}
    names = [name for name in only.split(",") if name]
    for name in names:
        if name not in by_name:
            parser.error(f"--only={name}: there is no such linter; there are {', '.join(by_name)}")
    if names:
        return [by_name[name] for name in names]
    return [linter for linter in LINTERS if linter.by_default]


def _files(root: pathlib.Path, paths: Sequence[str]) -> list[str]:
    """Relative to root; what git ignores is left out."""
    base = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", root))
    wanted = [os.path.relpath(base / path, root) for path in paths]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def _run(linter: Linter, root: pathlib.Path, files: list[str], *, fix: bool) -> bool:
    """Whether all is well; prints one line, and what the linter says."""
    mine = [name for name in files if linter.wants(root, name)]
    begin = time.monotonic()
    commands = linter.commands(root, mine, fix) if mine else []
    failed = [
        result
        for result in (
            subprocess.run(
                command,
                cwd=root,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            for command in commands
        )
        if result.returncode != 0 or (linter.silent and result.stdout)
    ]
    state = "findings" if failed else "clean"
    seconds = time.monotonic() - begin
    print(f"{linter.name}: {len(mine)} files, {seconds:.1f} s, {state}", flush=True)
    for result in failed:
        print(result.stdout.rstrip())
    return not failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    linters = _chosen(parser, options.only)
    root = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", os.getcwd()))
    try:
        files = _files(root, options.paths)
    except subprocess.CalledProcessError as error:
        parser.error(f"git could not list the files (code {error.returncode})")
    try:
        well = [_run(linter, root, files, fix=options.fix) for linter in linters]
    except MissingLinterError as error:
        print(f"lint: error: {error}", file=sys.stderr)
        return 3
    if not all(well):
        print("lint: tools/lint/run --fix repairs what a program can", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
