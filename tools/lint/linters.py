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
_SHELL_ENDINGS = (".sh",)
_SHELL_SHEBANGS = (b"#!/usr/bin/env bash", b"#!/bin/bash", b"#!/bin/sh")


class MissingLinterError(Exception):
    """A linter is not on this machine; the message says how to get it."""


@dataclasses.dataclass(frozen=True)
class Linter:
    """One linter.

    Attributes:
        name: for --only and messages.
        wants: whether it looks at the file (root of the tree, relative path).
        commands: what to run (root, files, whether to repair); exit code 0: nothing found.
        silent: whether any output is a finding.
        by_default: whether it runs without being named by --only.
    """

    name: str
    wants: Callable[[pathlib.Path, str], bool]
    commands: Callable[[pathlib.Path, list[str], bool], list[list[str]]]
    silent: bool = False
    by_default: bool = True


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
    if name.endswith(_SHELL_ENDINGS):
        return True
    with (root / name).open("rb") as file:
        return file.readline(64).startswith(_SHELL_SHEBANGS)


def _is_ours(root: pathlib.Path, name: str) -> bool:
    return name.startswith("cc/") and name.endswith(".cc")


def _buildifier(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    mode = ["--mode=fix", "--lint=fix"] if fix else ["--mode=check", "--lint=warn"]
    return [[_runfile("buildifier/buildifier"), *mode, f"--warnings={_STARLARK_WARNINGS}", *files]]


def _ruff(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    program = _runfile("pypi_tools/site-packages/bin/ruff")
    check = [program, "check", "--quiet", "--no-cache", *(["--fix"] if fix else []), *files]
    form = [program, "format", "--quiet", "--no-cache", *([] if fix else ["--diff"]), *files]
    return [check, form]


def _clang_format(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    program = _runfile("pypi_tools/site-packages/clang_format/data/bin/clang-format")
    mode = ["-i"] if fix else ["--dry-run", "--Werror"]
    return [[program, "--style=file", *mode, *files]]


def _shellcheck(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    return [[_system("shellcheck", "shellcheck"), "--external-sources", *files]]


def _yamllint(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    # It has no program file: the module, with the import path of this program.
    start = f"import sys; sys.path[:0] = {sys.path!r}; from yamllint.cli import run; run()"
    return [[sys.executable, "-c", start, "--strict", "--config-file=.yamllint", *files]]


def _clang_tidy(root: pathlib.Path, files: list[str], fix: bool) -> list[list[str]]:
    _system("clang-tidy", "clang-tidy")
    aspect = "--aspects=//tools/lint:clang_tidy.bzl%clang_tidy"
    groups = ["--output_groups=clang_tidy", "--keep_going", "--noshow_progress"]
    # Bazel knows the flags of each file, and looks again only at what has changed.
    packages = sorted({f"//{name.rpartition('/')[0]}:all" for name in files})
    return [["tools/bazel", "build", aspect, *groups, *packages]]


LINTERS = (
    Linter("buildifier", _is_starlark, _buildifier),
    Linter("ruff", _ends(".py"), _ruff),
    Linter("clang-format", _ends(".cc", ".h"), _clang_format),
    Linter("shellcheck", _is_shell, _shellcheck),
    Linter("yamllint", _ends(".yml", ".yaml"), _yamllint),
    # Takes minutes, and finds matters of taste in tests; .clang-tidy says what is off.
    Linter("clang-tidy", _is_ours, _clang_tidy, by_default=False),
)
