"""The linter program on a small tree with one fault for each linter, and on a clean one."""

import os
import pathlib
import subprocess

import pytest
from runfiles import Runfiles

_CONFIGURATION = {
    ".clang-format": "BasedOnStyle: Google\n",
    ".yamllint": "extends: default\nrules:\n  document-start: disable\n",
}
_CLEAN = {
    "BUILD": 'exports_files(["a.py"])\n',
    "a.py": "print(1)\n",
    "a.cc": "int main() { return 0; }\n",
    "run.sh": '#!/bin/sh\necho "$1"\n',
    "a.yml": "key: value\n",
}
# linter: (file, content with a fault, whether --fix repairs it)
_FAULTS = {
    "buildifier": ("BUILD", 'exports_files( ["a.py"] )\n', True),
    "ruff": ("a.py", "import os\nprint(1)\n", True),
    "clang-format": ("a.cc", "int main(){return 0;}\n", True),
    "shellcheck": ("run.sh", "#!/bin/sh\necho $1\n", False),
    "yamllint": ("a.yml", "key:   value\n", False),
}


def _tree(folder: pathlib.Path, files: dict[str, str]) -> pathlib.Path:
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    for name, content in {**_CONFIGURATION, **_CLEAN, **files}.items():
        (folder / name).write_text(content)
    return folder


def _lint(folder: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    program = Runfiles.Create().Rlocation("lenet_mindspore/tools/lint/lint")
    places = {"BUILD_WORKSPACE_DIRECTORY": str(folder), "BUILD_WORKING_DIRECTORY": str(folder)}
    return subprocess.run(
        [program, *arguments],
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        check=False,
    )


def test_clean_tree_is_clean(tmp_path):
    finished = _lint(_tree(tmp_path, {}))
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout.count("1 files") == len(_FAULTS)


@pytest.mark.parametrize("linter", _FAULTS)
def test_fault_is_found_and_repaired_where_that_can_be(tmp_path, linter):
    name, content, repaired = _FAULTS[linter]
    folder = _tree(tmp_path, {name: content})
    found = _lint(folder)
    assert found.returncode == 1
    assert [line for line in found.stdout.splitlines() if line.endswith("findings")][0].startswith(
        linter
    )
    assert "tools/lint/run --fix" in found.stderr
    _lint(folder, "--fix")
    again = _lint(folder)
    assert again.returncode == (0 if repaired else 1), again.stdout
    assert ((folder / name).read_text() == _CLEAN[name]) == repaired


def test_only_the_linters_and_files_that_are_named(tmp_path):
    folder = _tree(tmp_path, {"a.py": _FAULTS["ruff"][1], "a.yml": _FAULTS["yamllint"][1]})
    assert _lint(folder, "--only=clang-format,shellcheck").returncode == 0
    assert _lint(folder, "a.cc", "BUILD").returncode == 0
    assert _lint(folder, "a.py").returncode == 1


@pytest.mark.parametrize("flag", ["--only=lint", "--sideways"])
def test_wrong_flags_are_named(tmp_path, flag):
    finished = _lint(_tree(tmp_path, {}), flag)
    assert finished.returncode == 2
    assert flag.removeprefix("--only=") in finished.stderr


def test_wrong_path_is_named(tmp_path):
    finished = _lint(_tree(tmp_path, {}), "--only=ruff", "a.py", "b.py")
    assert finished.returncode == 2
    assert "b.py: there is no such file" in finished.stderr


def test_what_fix_leaves_is_told(tmp_path):
    finished = _lint(_tree(tmp_path, {"a.py": "import os\nprint(x)\n"}), "--fix", "--only=ruff")
    assert finished.returncode == 1
    assert "F821" in finished.stdout
    assert "F401" not in finished.stdout
    assert "the rest is for you" in finished.stderr


def test_what_git_ignores_is_left_out(tmp_path):
    faults = {"a.py": _FAULTS["ruff"][1], ".gitignore": "a.py\n"}
    assert _lint(_tree(tmp_path, faults), "--only=ruff").returncode == 0


def test_missing_linter_is_said_and_the_others_run(tmp_path):
    folder = _tree(tmp_path, {})
    programs = tmp_path / "few"
    programs.mkdir()
    (programs / "git").symlink_to("/usr/bin/git")
    program = Runfiles.Create().Rlocation("lenet_mindspore/tools/lint/lint")
    finished = subprocess.run(
        [program, "--only=shellcheck,yamllint"],
        env={**os.environ, "PATH": str(programs), "BUILD_WORKSPACE_DIRECTORY": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 3
    assert "apt-get install shellcheck" in finished.stderr
    assert "yamllint: 1 files" in finished.stdout


def test_missing_npm_is_said_in_one_line(tmp_path):
    finished = subprocess.run(
        ["/bin/bash", Runfiles.Create().Rlocation("lenet_mindspore/tools/lint/run")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 3
    assert finished.stderr.count("\n") == 1
    assert "apt-get install npm" in finished.stderr


def _tidy(folder: pathlib.Path, content: str) -> subprocess.CompletedProcess:
    """What the aspect runs, on cc/a.cc, with the repository's configuration."""
    runfiles = Runfiles.Create()
    (folder / "cc").mkdir()
    (folder / "cc/a.cc").write_text(content)
    return subprocess.run(
        [
            runfiles.Rlocation("lenet_mindspore/tools/lint/clang_tidy.sh"),
            runfiles.Rlocation("pypi_tools/site-packages/clang_tidy/data/bin/clang-tidy"),
            runfiles.Rlocation("lenet_mindspore/.clang-tidy"),
            "cc/a.cc",
            "report",
            "-std=c++17",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_clang_tidy_finds_a_fault(tmp_path):
    finished = _tidy(tmp_path, "#include <cstddef>\nint* F() { return NULL; }\n")
    assert finished.returncode == 1
    assert finished.stdout.startswith("cc/a.cc:2:19: error: use nullptr [modernize-use-nullptr")
    assert not (tmp_path / "report").exists()


def test_clang_tidy_says_nothing_of_clean_code(tmp_path):
    finished = _tidy(tmp_path, "#include <cstddef>\nint* F() { return nullptr; }\n")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert (tmp_path / "report").read_text() == ""
