"""Checks the files of the repository with formatters, linters and a line budget.

By default all files are checked that git tracks or would add; clang-tidy checks only packages
that changed since --since. Exit codes: 0 clean; 1 findings; 2 wrong flag; 3 a linter is missing
(the message says how to install it).
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from lenet import resources

# Bazel 4 has these rules built in; tools/build_defs alone uses them.
_STARLARK_WARNINGS = (
    "-native-cc-binary,-native-cc-import,-native-cc-info,-native-cc-library,-native-cc-test,"
    "-native-py,-native-sh-binary,-native-sh-library,-native-sh-test,-unnamed-macro"
)
_TOOLS = "site-packages"
_CLANG_FORMAT = f"{_TOOLS}/clang_format/data/bin/clang-format"
_TEST_FILE = re.compile(r"_test\.|testing|_benchmark|golden|/fuzz/|/e2e/|fake_|conftest")
_BUILD_FILE = re.compile(r"(BUILD|WORKSPACE|\.bzl|\.bazel)$")
_NOT_COUNTED = re.compile(r"\.(ipynb|lock|md|png)$|/requirements\.txt$|^(NOTICE|LICENSE)$")
_KINDS = ("code", "tests", "build")

Command = list[str]
Commands = Callable[[list[str]], list[Command]]


class MissingLinterError(Exception):
    """A linter is not installed; the message says how to install it."""


@dataclasses.dataclass(frozen=True)
class Linter:
    """One linter.

    Attributes:
        name: name for --only and messages.
        files: pattern of the paths it checks, or of the first line of extensionless scripts.
        check: commands for a list of files; a non-zero exit code means findings.
        fix: commands that repair the files, run before the check with --fix.
    """

    name: str
    files: str
    check: Commands
    fix: Commands | None = None


def _tool(name: str, repository: str = "pypi_tools") -> str:
    return str(resources.path(name, repository))


def _buildifier(*modes: str) -> Commands:
    return lambda files: [
        [_tool("buildifier", "buildifier"), *modes, f"--warnings={_STARLARK_WARNINGS}", *files]
    ]


def _ruff(check: Command, form: Command) -> Commands:
    return lambda files: [
        [_tool(f"{_TOOLS}/bin/ruff"), "check", "--quiet", "--no-cache", *check, *files],
        [_tool(f"{_TOOLS}/bin/ruff"), "format", "--quiet", "--no-cache", *form, *files],
    ]


def _clang_format(*modes: str) -> Commands:
    return lambda files: [[_tool(_CLANG_FORMAT), "--style=file", *modes, *files]]


def _module(name: str, *arguments: str) -> Command:
    """Returns the command that runs a Python module with this program's import path."""
    start = f"import runpy, sys; sys.path[:0] = {sys.path!r}; "
    run = f"runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    return [sys.executable, "-c", start + run, *arguments]


def _yamllint(files: list[str]) -> list[Command]:
    return [_module("yamllint", "--strict", "--config-file=.yamllint", *files)]


def _mypy(files: list[str]) -> list[Command]:
    # Types depend on other modules, therefore the whole tree of mypy.ini is checked.
    return [_module("mypy", "--no-incremental", f"--cache-dir={os.devnull}")]


def _shellcheck(files: list[str]) -> list[Command]:
    program = shutil.which("shellcheck")
    if not program:
        raise MissingLinterError("shellcheck is not installed: apt-get install shellcheck")
    return [[program, "--external-sources", *files]]


def _clang_tidy(files: list[str]) -> list[Command]:
    # Bazel knows the flags of each file and runs again only what changed.
    packages = set()
    for name in files:
        folders = pathlib.Path(name).parents
        packages.add(next(folder for folder in folders if (folder / "BUILD").is_file()))
    return [
        [
            "tools/bazel",
            "build",
            "--aspects=//tools/lint:clang_tidy.bzl%clang_tidy",
            "--output_groups=clang_tidy",
            "--keep_going",
            "--noshow_progress",
            "--ui_event_filters=-info",
            *sorted(f"//{package}:all" for package in packages),
        ]
    ]


LINTERS = {
    linter.name: linter
    for linter in (
        Linter(
            "buildifier",
            r"(^|/)(BUILD|(BUILD|MODULE)\.bazel|WORKSPACE)$|\.(bzl|BUILD)$",
            check=_buildifier("--mode=check", "--lint=warn"),
            fix=_buildifier("--mode=fix", "--lint=fix"),
        ),
        Linter(
            "ruff",
            r"\.py$",
            check=_ruff(check=[], form=["--diff"]),
            fix=_ruff(check=["--fix"], form=[]),
        ),
        Linter("mypy", r"^(mypy\.ini|(python|tools|cc|configs|third_party)/.*\.py)$", _mypy),
        Linter(
            "clang-format",
            r"\.(cc|h)$",
            check=_clang_format("--dry-run", "--Werror"),
            fix=_clang_format("-i"),
        ),
        Linter("shellcheck", r"\.sh$|^#!/(usr/bin/env |bin/)(ba)?sh", _shellcheck),
        Linter("yamllint", r"\.ya?ml$", _yamllint),
        Linter("clang-tidy", r"^cc/.*\.cc$", _clang_tidy),
    )
}


def _git(*arguments: str) -> list[str]:
    listed = subprocess.run(
        ["git", *arguments], stdout=subprocess.PIPE, text=True, errors="replace", check=True
    )
    return sorted(set(listed.stdout.split("\0")) - {""})


def _changed(since: str) -> set[str]:
    """Returns the files that differ from the commit `since`; all files if it is unknown."""
    known = subprocess.run(["git", "cat-file", "-e", f"{since}^{{commit}}"], capture_output=True)
    if known.returncode != 0:
        return set(_git("ls-files", "-z"))
    return {*_git("diff", "--name-only", "-z", since), *_git("ls-files", "-z", "--others")}


def _matches(linter: Linter, name: str) -> bool:
    if re.search(linter.files, name):
        return True
    if "#!" not in linter.files or "." in pathlib.PurePath(name).name:
        return False
    with pathlib.Path(name).open("rb") as file:
        return bool(re.search(linter.files, file.readline(64).decode(errors="replace")))


def _output(command: Command) -> tuple[int, str]:
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    return result.returncode, result.stdout.rstrip()


def _run(linter: Linter, files: list[str], *, fix: bool) -> bool:
    """Runs one linter, prints one line and its findings, and returns whether it is clean."""
    begin = time.monotonic()
    findings = []
    if files:
        for command in linter.fix(files) if fix and linter.fix else []:
            _output(command)
        results = [_output(command) for command in linter.check(files)]
        findings = [output for code, output in results if code != 0]
    state = "findings" if findings else "clean"
    seconds = time.monotonic() - begin
    print(f"{linter.name}: {len(files)} files, {seconds:.1f} s, {state}", *findings, sep="\n")
    return not findings


def _lines(files: list[str]) -> dict[str, list[int]]:
    """Returns the lines of code, tests and BUILD files per folder of budget.txt."""
    areas: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for name in files:
        if _NOT_COUNTED.search(name):
            continue
        kind = 2 if _BUILD_FILE.search(name) else 1 if _TEST_FILE.search(name) else 0
        area = "/".join(pathlib.PurePath(name).parts[:-1][:2]) or "."
        lines = pathlib.Path(name).read_bytes().count(b"\n")
        areas[area][kind] += lines
        areas["total"][kind] += lines
    return areas


def _check_budget(budget: pathlib.Path, files: list[str]) -> bool:
    """Prints the lines per area and returns whether each area is within its budget."""
    rows = [
        line.split() for line in budget.read_text().splitlines() if line.strip() and line[0] != "#"
    ]
    limits = {area: [int(number) for number in numbers] for area, *numbers in rows}
    lines = _lines(files)
    clean = True
    print(f"{'area':24}" + "".join(f"{kind:>8}{'of':>8}" for kind in _KINDS))
    for area in sorted({*lines, *limits}, key=lambda area: (area == "total", area)):
        limit, found = limits.get(area, [0, 0, 0]), lines[area]
        row = "".join(f"{a:8}{b:8}" for a, b in zip(found, limit, strict=True))
        over = any(a > b for a, b in zip(found, limit, strict=True))
        clean = clean and not over
        print(f"{area:24}{row}{'  over its budget' if over else ''}")
    return clean


def _parser() -> argparse.ArgumentParser:
    head, _, tail = str(__doc__).partition("\n\n")
    names = ", ".join([*LINTERS, "budget"])
    parser = argparse.ArgumentParser(prog="tools/lint/run", description=head, epilog=tail)
    parser.add_argument("--fix", action="store_true", help="repair what a program can repair")
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"run only some of: {names}")
    parser.add_argument(
        "--since",
        default="HEAD~1",
        metavar="COMMIT",
        help="run clang-tidy on packages that changed since this commit (default: HEAD~1)",
    )
    parser.add_argument("--all", action="store_true", help="run clang-tidy on all packages")
    parser.add_argument("paths", nargs="*", help="files or folders to check (default: all)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the linters and returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    names = [name for name in options.only.split(",") if name] or [*LINTERS, "budget"]
    for name in names:
        if name not in {*LINTERS, "budget"}:
            parser.error(f"--only={name}: unknown linter; known are {', '.join(LINTERS)}, budget")
    root = pathlib.Path(os.environ.get("BUILD_WORKSPACE_DIRECTORY", "."))
    base = pathlib.Path(os.environ.get("BUILD_WORKING_DIRECTORY", root))
    for path in options.paths:
        if not (base / path).exists():
            parser.error(f"{path}: no such file or folder")
    if not shutil.which("git"):
        print("lint: git is not installed: apt-get install git", file=sys.stderr)
        return 3
    wanted = [os.path.relpath(base / path, root) for path in options.paths]
    os.chdir(root)
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *wanted)
    files = [name for name in listed if pathlib.Path(name).is_file()]
    code = 0
    for name in names:
        try:
            if name == "budget":
                budget = pathlib.Path("tools/lint/budget.txt")
                clean = bool(wanted) or not budget.exists() or _check_budget(budget, files)
            else:
                mine = [file for file in files if _matches(LINTERS[name], file)]
                if name == "clang-tidy" and not options.all:
                    mine = sorted(_changed(options.since) & set(mine))
                clean = _run(LINTERS[name], mine, fix=options.fix)
            code = code or (0 if clean else 1)
        except MissingLinterError as error:
            print(f"{name}: {error}", file=sys.stderr)
            code = 3
    if code == 1:
        print("lint: tools/lint/run --fix repairs what a program can repair", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
