"""Tests the lint program on a small tree with one fault per linter, and on a clean one."""

import os
import pathlib
import subprocess

import pytest

from lenet import resources

_CLEAN = {
    ".clang-format": "BasedOnStyle: Google\n",
    ".yamllint": "extends: default\nrules:\n  document-start: disable\n",
    "mypy.ini": "[mypy]\nfiles = tools\n",
    "BUILD": 'exports_files(["a.py"])\n',
    "tools/a.py": "x: int = 1\n",
    "tools/lint/budget.txt": "# limits\n. 12 0 1\ntools 1 0 0\ntools/lint 5 0 0\ntotal 18 0 1\n",
    "a.cc": "int main() { return 0; }\n",
    "run.sh": '#!/bin/sh\necho "$1"\n',
    "script": '#!/bin/sh\necho "$1"\n',
    "a.yml": "key: value\n",
}
# linter: (file, content with a fault, whether --fix repairs it)
_FAULTS = {
    "buildifier": ("BUILD", 'exports_files( ["a.py"] )\n', True),
    "ruff": ("tools/a.py", "import os\n\nx: int = 1\n", True),
    "mypy": ("tools/a.py", 'x: int = "1"\n', False),
    "clang-format": ("a.cc", "int main(){return 0;}\n", True),
    "shellcheck": ("script", "#!/bin/sh\necho $1\n", False),
    "yamllint": ("a.yml", "key:   value\n", False),
    "budget": ("tools/a.py", "x: int = 1\ny: int = 2\n", False),
}


@pytest.fixture
def tree(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name, content in _CLEAN.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def _lint(folder: pathlib.Path, *arguments: str, **variables: str):
    program = resources.path("tools/lint/lint")
    places = {"BUILD_WORKSPACE_DIRECTORY": str(folder), "BUILD_WORKING_DIRECTORY": str(folder)}
    return subprocess.run(
        [program, *arguments],
        env={**os.environ, **places, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_clean_tree_is_clean_and_its_lines_are_printed(tree):
    finished = _lint(tree)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "shellcheck: 2 files" in finished.stdout
    assert finished.stdout.splitlines()[-1].split() == ["total", "18", "18", "0", "0", "1", "1"]


@pytest.mark.parametrize("linter", _FAULTS)
def test_fault_is_found_and_repaired_if_a_program_can(tree, linter):
    name, content, repaired = _FAULTS[linter]
    (tree / name).write_text(content)
    found = _lint(tree, f"--only={linter}")
    assert found.returncode == 1
    assert "findings" in found.stdout or "over its budget" in found.stdout
    _lint(tree, f"--only={linter}", "--fix")
    assert _lint(tree, f"--only={linter}").returncode == (0 if repaired else 1)
    assert ((tree / name).read_text() == _CLEAN[name]) == repaired


def test_only_named_linters_and_files_are_checked(tree):
    (tree / "a.yml").write_text(_FAULTS["yamllint"][1])
    assert _lint(tree, "--only=clang-format,shellcheck").returncode == 0
    assert _lint(tree, "--only=yamllint", "a.cc", "BUILD").returncode == 0
    assert _lint(tree, "--only=yamllint", "a.yml").returncode == 1


def test_files_that_git_ignores_are_not_checked(tree):
    (tree / "a.yml").write_text(_FAULTS["yamllint"][1])
    (tree / ".gitignore").write_text("a.yml\n")
    assert _lint(tree, "--only=yamllint").returncode == 0


@pytest.mark.parametrize("argument", ["--only=unknown", "--sideways", "missing.py"])
def test_wrong_argument_is_named(tree, argument):
    finished = _lint(tree, argument)
    assert finished.returncode == 2
    assert argument.removeprefix("--only=") in finished.stderr


def test_missing_linter_is_named_and_the_others_run(tree, tmp_path_factory):
    programs = tmp_path_factory.mktemp("programs")
    (programs / "git").symlink_to("/usr/bin/git")
    (programs / "python3").symlink_to("/usr/bin/python3")
    finished = _lint(tree, "--only=shellcheck,yamllint", PATH=str(programs))
    assert finished.returncode == 3
    assert "apt-get install shellcheck" in finished.stderr
    assert "yamllint: 1 files" in finished.stdout


@pytest.mark.parametrize(
    ("null", "code", "output"),
    [("NULL", 1, "cc/a.cc:2:19: error: use nullptr [modernize-use-nullptr"), ("nullptr", 0, "")],
)
def test_clang_tidy_prints_findings_with_paths_of_the_tree(tmp_path, null, code, output):
    (tmp_path / "cc").mkdir()
    (tmp_path / "cc/a.cc").write_text(f"#include <cstddef>\nint* F() {{ return {null}; }}\n")
    finished = subprocess.run(
        [
            resources.path("tools/lint/clang_tidy.sh"),
            resources.path("site-packages/clang_tidy/data/bin/clang-tidy", "pypi_tools"),
            resources.path(".clang-tidy"),
            "cc/a.cc",
            "report",
            "-std=c++17",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == code
    assert finished.stdout.startswith(output)
    assert (tmp_path / "report").exists() == (code == 0)
