"""Finds what is fetched without a hash: in locks, and in the Starlark that fetches.

Starting at WORKSPACE, every file that is loaded and every lock that is named must be among the
files given, so that nothing new escapes the check.
"""

from __future__ import annotations

import ast
import collections.abc
import posixpath
import re

from third_party.supply import locks

# What a rule or a repository_ctx downloads with, and the argument that has the hash.
_DOWNLOADS = {
    "download": ("sha256", "integrity"),
    "download_and_extract": ("sha256", "integrity"),
    "git_repository": (),
    "http_archive": ("sha256", "integrity"),
    "http_file": ("sha256", "integrity"),
    "http_jar": ("sha256", "integrity"),
    "new_git_repository": (),
}
_LOCK_NAMES = (".lock", "package-lock.json")
# Programs that fetch, and the words that make them check hashes.
_PIP = {"install", "download", "wheel"}
_NPM = {"install", "i", "add", "exec", "update"}
_PLAIN = {"curl", "wget", "npx", "git"}
# What only shows a text to people.
_MESSAGES = {"fail", "print", "report_progress"}


def lock_problems(text: str) -> list[str]:
    """What is wrong with a lock of pip, one line each."""
    problems = []
    entries = locks.entries(text)
    for entry in entries:
        try:
            locks.read_entry(entry)
        except locks.LockError as error:
            problems.append(str(error))
    return problems if entries else ["it is empty"]


def npm_problems(text: str) -> list[str]:
    """What is wrong with a package-lock.json, one line each."""
    try:
        packages = locks.npm_packages(text)
    except locks.LockError as error:
        return [str(error)]
    problems = []
    for path, entry in packages.items():
        try:
            locks.npm_pin(path, entry)
        except locks.LockError as error:
            problems.append(str(error))
    return problems if packages else ["it is empty"]


def starlark_problems(text: str) -> list[str]:
    """Calls that download, and commands of pip and npm, that check no hash; one line each.

    Starlark of this repository is read as Python, which it is a subset of.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [f"line {error.lineno}: cannot be read: {error.msg}"]
    messages = set(_messages(tree))
    problems = []
    for node in ast.walk(tree):
        if node in messages:
            continue
        if isinstance(node, ast.Call):
            problems += _call_problems(node)
        elif isinstance(node, ast.List):
            words = [_text(item) for item in node.elts if _text(item)]
            problems += _command_problems(words, node.lineno)
        elif isinstance(node, ast.Constant):
            problems += _script_problems(_text(node), node.lineno)
    return problems


def _messages(tree: ast.AST) -> collections.abc.Iterator[ast.AST]:
    """Constants that people read, in calls that show them and in `doc = …`."""
    for node in ast.walk(tree):
        shows = isinstance(node, ast.Call) and _name(node.func) in _MESSAGES
        if shows or (isinstance(node, ast.keyword) and node.arg == "doc"):
            yield from (part for part in ast.walk(node) if isinstance(part, ast.Constant))


def _call_problems(node: ast.Call) -> list[str]:
    name = _name(node.func)
    if name == "maybe" and node.args:
        name = _name(node.args[0])
    wanted = _DOWNLOADS.get(name)
    if wanted is None:
        return []
    if any(_is_given(keyword) for keyword in node.keywords if keyword.arg in wanted):
        return []
    hint = f"give it {' or '.join(wanted)}" if wanted else "a commit is not a hash of files"
    return [f"line {node.lineno}: {name} without a hash; {hint}"]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_given(keyword: ast.keyword) -> bool:
    """Whether the value is more than an empty text or None."""
    return not isinstance(keyword.value, ast.Constant) or bool(keyword.value.value)


def _text(node: ast.AST) -> str:
    """The value of a string constant; empty for anything else."""
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _script_problems(text: str, line: int) -> list[str]:
    """Of a text that is a script; a sentence has a program's name nowhere before its words."""
    problems = []
    for command in re.split(r"[\n;|&]+", text):
        problems += _command_problems(command.split(), line, script=True)
    return problems


def _command_problems(words: list[str], line: int, script: bool = False) -> list[str]:
    first = posixpath.basename(words[0]) if words else ""
    if _runs_pip(words, script) and "--require-hashes" not in words:
        return [f"line {line}: pip without --require-hashes"]
    if first == "npm" and len(words) > 1 and words[1] in _NPM:
        return [f"line {line}: npm {words[1]} takes what it finds; npm ci takes what is locked"]
    if first in _PLAIN and len(words) > 1 and (first != "git" or words[1] == "clone"):
        return [f"line {line}: {first} checks no hash"]
    return []


def _runs_pip(words: list[str], script: bool) -> bool:
    """Whether this is pip with a subcommand that fetches: by its name, by -m, or run_pip's list."""
    if not script and words and words[0] in _PIP and any(w.startswith("-") for w in words[1:]):
        return True
    for index, word in enumerate(words[:-1]):
        if re.fullmatch(r"(.*/)?pip3?", word) and words[index + 1] in _PIP:
            return index == 0 or words[index - 1] == "-m"
    return False


def _label_path(label: str, package: str) -> str:
    """The path of a label of this workspace: "//a:b.bzl" is a/b.bzl."""
    label = label.removeprefix("@lenet_mindspore")
    if label.startswith("//"):
        folder, colon, name = label[2:].partition(":")
        return posixpath.join(folder, name) if colon else folder
    return posixpath.join(package, label.removeprefix(":"))


def needed_files(path: str, text: str) -> list[str]:
    """The files of this workspace that a Starlark file loads, and the locks that it names."""
    package = posixpath.dirname(path)
    found = []
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []  # starlark_problems tells
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "load":
            label = _text(node.args[0])
            if not label.startswith("@bazel_tools"):
                found.append(_label_path(label, package))
        elif _text(node).startswith(("//", ":")) and _text(node).endswith(_LOCK_NAMES):
            found.append(_label_path(_text(node), package))
    return sorted(set(found))


def problems(files: collections.abc.Mapping[str, str]) -> list[str]:
    """Everything wrong with {path in the workspace: content}, as "<path>: <problem>"."""
    result = []
    needed = {"WORKSPACE": "the check"}
    for path, text in sorted(files.items()):
        if path.endswith("package-lock.json"):
            found = npm_problems(text)
        elif path.endswith(".lock"):
            found = lock_problems(text)
        else:
            found = starlark_problems(text)
            needed |= dict.fromkeys(needed_files(path, text), path)
        result += [f"{path}: {problem}" for problem in found]
    for path, by in sorted(needed.items()):
        if path not in files:
            result.append(f"{path}: {by} needs it, but it is not among the data of hashes_test")
    return result
