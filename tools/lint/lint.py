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
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"of {names} (default: all)")
    parser.add_argument("paths", nargs="*", help="files or folders (default: all)")
    return parser


def _chosen(parser: argparse.ArgumentParser, only: str) -> list[Linter]:
    by_name = {linter.name: linter for linter in LINTERS}
    names = [name for name in only.split(",") if name]
    for name in names:
        if name not in by_name:
            parser.error(f"--only={name}: there is no such linter; there are {', '.join(by_name)}")
    return [by_name[name] for name in names] or list(LINTERS)


def _files(parser: argparse.ArgumentParser, root: pathlib.Path, paths: Sequence[str]) -> list[str]:
    """Relative to root; what git ignores is left out."""
    base = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", root))
    for path in paths:
        if not (base / path).exists():
            parser.error(f"{path}: there is no such file or folder")
    wanted = [os.path.relpath(base / path, root) for path in paths]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        parser.error("git could not list the files; its message is above")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def _output(command: list[str], root: pathlib.Path) -> tuple[int, str]:
    result = subprocess.run(
        command,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return result.returncode, result.stdout.rstrip()


def _run(linter: Linter, root: pathlib.Path, files: list[str], *, fix: bool) -> bool:
    """Whether all is well; prints one line, and what the linter says.

    Raises:
        MissingLinterError: it is not on this machine.
    """
    mine = [name for name in files if linter.wants(root, name)]
    begin = time.monotonic()
    findings = []
    if mine and fix and linter.repair:
        for command in linter.repair(root, mine):
            _output(command, root)
    if mine:
        results = [_output(command, root) for command in linter.check(root, mine)]
        findings = [output for code, output in results if code != 0]
    state = "findings" if findings else "clean"
    seconds = time.monotonic() - begin
    print(f"{linter.name}: {len(mine)} files, {seconds:.1f} s, {state}", flush=True)
    for output in findings:
        print(output, flush=True)
    return not findings


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    linters = _chosen(parser, options.only)
    root = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", os.getcwd()))
    files = _files(parser, root, options.paths)
    code = 0
    for linter in linters:
        try:
            well = _run(linter, root, files, fix=options.fix)
        except MissingLinterError as error:
            print(f"{linter.name}: {error}", file=sys.stderr)
            code = 3
        else:
            code = code or (0 if well else 1)
    if code == 1:
        advice = "tools/lint/run --fix repairs what a program can"
        print(f"lint: {'the rest is for you' if options.fix else advice}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
