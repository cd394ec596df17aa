import json
import os
import subprocess

import pytest

from lenet.testing import programs


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home-of-alice"


def _doctor(home, *flags, **variables):
    result = subprocess.run(
        [*programs.command("//tools:doctor"), *flags],
        env=os.environ | {"HOME": str(home), "USER": "alice"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_text_for_a_bug_report_says_what_each_device_needs(home):
    text = _doctor(home)
    for line in ("Paste everything below", "MindSpore: 2.", "\n  CPU: usable\n"):
        assert line in text
    assert "  Ascend: /dev/davinci* is missing" in text or "  Ascend: usable" in text


def test_json_has_tools_and_variables_without_names_and_home(home, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho NVIDIA H100 of alice, 580.1\necho second")
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    text = _doctor(home, "--json", PATH=path, CUDA_VISIBLE_DEVICES="1", LENET_X=f"{home}/x")
    found = json.loads(text)
    assert found["GPU"] == "NVIDIA H100 of user, 580.1"
    assert found["variables"]["CUDA_VISIBLE_DEVICES"] == "1"
    assert found["variables"]["LENET_X"] == "~/x"
    assert "alice" not in text


def test_a_tool_that_fails_is_reported(home, tmp_path):
    tool = tmp_path / "npu-smi"
    tool.write_text("#!/bin/sh\necho DrvMngGetConsoleLogLevel failed >&2; exit 1")
    tool.chmod(0o755)
    found = json.loads(_doctor(home, "--json", PATH=f"{tmp_path}:{os.environ['PATH']}"))
    assert found["NPU"] == "DrvMngGetConsoleLogLevel failed"
