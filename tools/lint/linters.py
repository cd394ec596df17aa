"""The linters: which files they take and how they are called."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import sys
from collections.abc import Callable

from runfiles import Runfiles

# Rules come from tools/build_defs, and from nowhere else; Bazel 4 has them built in.
_STARLARK_WARNINGS = (
    "-native-cc-binary,-native-cc-import,-native-cc-info,-native-cc-library,-native-cc-test,"
    "-native-py,-native-sh-binary,-native-sh-library,-native-sh-test,-unnamed-macro"
)
_BAZEL_NAMES = ("BUILD", "BUILD.bazel", "WORKSPACE")
_SHELL_SHEBANGS = (b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh")


class MissingLinterError(Exception):
    """A linter is not on this machine; the message says how to get it."""


# (root of the tree, files relative to it) -> what to run there.
Commands = Callable[[pathlib.Path, list[str]], list[list[str]]]


@dataclasses.dataclass(frozen=True)
class Linter:
    """One linter.

    Attributes:
        name: for --only and messages.
        wants: whether it looks at the file (root of the tree, relative path).
        check: exit code 0: nothing is found. Raises MissingLinterError.
        repair: what --fix runs before the check, if there is something; codes do not count.
    """

    name: str
    wants: Callable[[pathlib.Path, str], bool]
    check: Commands
    repair: Commands | None = None


def _runfile(path: str) -> str:
    found = Runfiles.Create().Rlocation(path)
    if not found or not os.path.exists(found):
        raise MissingLinterError(f"{path} is not in the runfiles of tools/lint")
    return found


def _system(program: str, package: str) -> str:
    found = shutil.which(program)
    if not found:
        raise MissingLinterError(f"no {program}: apt-get install {package}")
    return found


def _ends(*endings: str) -> Callable[[pathlib.Path, str], bool]:
    return lambda root, name: name.endswith(endings)


def _is_starlark(root: pathlib.Path, name: str) -> bool:
    return name.rpartition("/")[2] in _BAZEL_NAMES or name.endswith((".bzl", ".BUILD"))


def _is_shell(root: pathlib.Path, name: str) -> bool:
    if name.endswith(".sh"):
        return True
    with (root / name).open("rb") as file:
        return file.readline(64).startswith(_SHELL_SHEBANGS)


def _is_ours(root: pathlib.Path, name: str) -> bool:
    return name.startswith("cc/") and name.endswith(".cc")


def _buildifier(*modes: str) -> Commands:
    def commands(root: pathlib.Path, files: list[str]) -> list[list[str]]:
        program = _runfile("buildifier/buildifier")
        return [[program, *modes, f"--warnings={_STARLARK_WARNINGS}", *files]]

    return commands


def _ruff(check: list[str], form: list[str]) -> Commands:
    def commands(root: pathlib.Path, files: list[str]) -> list[list[str]]:
        ruff = _runfile("pypi_tools/site-packages/bin/ruff")
        options = ["--quiet", "--no-cache"]
        return [
            [ruff, "check", *options, *check, *files],
            [ruff, "format", *options, *form, *files],
        ]

    return commands


def _clang_format(*modes: str) -> Commands:
    def commands(root: pathlib.Path, files: list[str]) -> list[list[str]]:
        program = _runfile("pypi_tools/site-packages/clang_format/data/bin/clang-format")
        return [[program, "--style=file", *modes, *files]]

    return commands


def _shellcheck(root: pathlib.Path, files: list[str]) -> list[list[str]]:
    return [[_system("shellcheck", "shellcheck"), "--external-sources", *files]]


def _yamllint(root: pathlib.Path, files: list[str]) -> list[list[str]]:
    # It has no program file: the module, with the import path of this program.
    start = f"import sys; sys.path[:0] = {sys.path!r}; from yamllint.cli import run; run()"
    return [[sys.executable, "-c", start, "--strict", "--config-file=.yamllint", *files]]


def _package(root: pathlib.Path, name: str) -> str:
    """The Bazel package that a file is of."""
    folders = pathlib.PurePath(name).parents
    return str(next(folder for folder in folders if (root / folder / "BUILD").is_file()))


def _clang_tidy(root: pathlib.Path, files: list[str]) -> list[list[str]]:
    # Bazel knows the flags of each file, and looks again only at what has changed.
    return [
        [
            "tools/bazel",
            "build",
            "--aspects=//tools/lint:clang_tidy.bzl%clang_tidy",
            "--output_groups=clang_tidy",
            "--keep_going",
            "--noshow_progress",
            "--ui_event_filters=-info",
            *sorted({f"//{_package(root, name)}:all" for name in files}),
        ]
    ]


LINTERS = (
    Linter(
        "buildifier",
        _is_starlark,
        check=_buildifier("--mode=check", "--lint=warn"),
        repair=_buildifier("--mode=fix", "--lint=fix"),
    ),
    Linter(
        "ruff",
        _ends(".py"),
        check=_ruff(check=[], form=["--diff"]),
        repair=_ruff(check=["--fix"], form=[]),
    ),
    Linter(
        "clang-format",
        _ends(".cc", ".h"),
        check=_clang_format("--dry-run", "--Werror"),
        repair=_clang_format("-i"),
    ),
    Linter("shellcheck", _is_shell, _shellcheck),
    Linter("yamllint", _ends(".yml", ".yaml"), _yamllint),
    Linter("clang-tidy", _is_ours, _clang_tidy),
)
