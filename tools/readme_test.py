"""Runs every command of README.md in order, in one folder."""

import re
import shlex

import pytest

from cc.ascend.testing import fake_cann, simulator
from lenet import resources
from lenet.testing import programs

README = resources.path("README.md")


def commands():
    """Returns [(label, arguments)] of every `bazel run` in the README's sh blocks."""
    result = []
    for block in re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[0] in ("python3", "sh"):  # python/plain_test.py runs them
                continue
            assert words[0] in ("bazel", "tools/bazel"), f"unexpected command: {line}"
            if words[1] == "test":
                assert words[2:] == ["//..."]  # what CI runs
                continue
            assert words[1] == "run" and words[3:4] in ([], ["--"]), line
            result.append((words[2], words[4:]))
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def ascend(monkeypatch, tmp_path):
    """Simulates a machine with an Ascend 310 and CANN."""
    cann = fake_cann.install(tmp_path / "cann")
    nodes = tmp_path / "dev"
    simulator.make_nodes(nodes, devices=1)
    monkeypatch.setenv("ASCEND_HOME_PATH", str(cann))
    monkeypatch.setenv("ASCEND_OPP_PATH", str(cann / "opp"))
    monkeypatch.setenv("PATH", str(fake_cann.npu_smi(cann / "bin", "310")), prepend=":")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(simulator.library_folder()))
    monkeypatch.setenv("LENET_ASCEND_DEVICES", str(nodes))


def needs_ascend(label, arguments):
    """Returns whether a command needs CANN or an Ascend 310."""
    words = " ".join(arguments)
    return label == "//tools:to_om" or "--probe" in words or ".om" in words


def test_the_readme_has_commands():
    assert ("//python:train", []) in commands()
    assert len(commands()) >= 12
    assert sum(needs_ascend(*command) for command in commands()) >= 3


@pytest.mark.parametrize(("label", "arguments"), commands(), ids=lambda value: str(value)[:30])
def test_command_works(label, arguments, folder, request):
    if needs_ascend(label, arguments):
        request.getfixturevalue("ascend")
    result = programs.run(label, *arguments, cwd=folder)
    print(result.stdout, result.stderr)
    assert result.returncode == 0


def test_infer310_works_without_flags(folder):
    result = programs.run("//cc:infer310", cwd=folder)
    assert result.returncode == 0
    accuracy = re.findall(r"'Accuracy':(0\.\d{4})", result.stdout)
    assert float(accuracy[0]) > 0.9842  # published by the original


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_link_has_a_target(name):
    text = (README.parent / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (README.parent / target).exists(), target
