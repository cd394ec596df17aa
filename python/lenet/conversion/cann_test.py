import os
import subprocess
from pathlib import Path

import pytest

from lenet.conversion import cann

_TABLE = """
+-------------------------------------------------------------------------------------+
| npu-smi 22.0.4                 Version: 22.0.4                                      |
+----------------------+---------------+----------------------------------------------+
| NPU   Name           | Health        | Power(W)    Temp(C)    Hugepages-Usage(page) |
| Chip  Device         | Bus-Id        | AICore(%)   Memory-Usage(MB)                 |
+======================+===============+==============================================+
| 4     {}            | OK            | 12.8        56         15   / 15             |
| 0     0              | 0000:05:00.0  | 0           2703 / 8192                      |
+----------------------+---------------+----------------------------------------------+
| 4     {}            | Warning       | 12.8        56         15   / 15             |
| 310   1              | NA            | 0           2703 / 8192                      |
+======================+===============+==============================================+
| NPU     Chip         | Process id    | Process name             | Process memory(MB)|
+======================+===============+==============================================+
| 4     100            | 12345         | python3                  | 88                |
"""


def _program(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return path


def test_missing_atc(tmp_path):
    assert cann.find_atc({}, (str(tmp_path / "none"),)) is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "atc").write_text("not executable")
    assert cann.find_atc({"ASCEND_HOME_PATH": str(tmp_path)}, ()) is None


@pytest.mark.parametrize("variable", ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME", "PATH"])
@pytest.mark.parametrize("place", ["bin/atc", "compiler/bin/atc", "atc/bin/atc"])
def test_environment_precedes_default_folders(tmp_path, variable, place):
    root = tmp_path / "cann"
    program = _program(root / place)
    _program(tmp_path / "other" / "bin" / "atc")
    value = program.parent if variable == "PATH" else root
    found = cann.find_atc({variable: str(value)}, (str(tmp_path / "other"),))
    assert found
    assert found.program == program
    assert found.script is None
    if variable != "PATH":
        assert found.root == root


@pytest.mark.parametrize("script", ["set_env.sh", "../set_env.sh"])
def test_default_folder_with_its_environment(tmp_path, script, monkeypatch):
    latest = tmp_path / "Ascend" / "ascend-toolkit" / "latest"
    program = _program(latest / "bin" / "atc", 'echo "${SET_BY_CANN} $*"')
    path = (latest / script).resolve()
    path.write_text("echo noise; export SET_BY_CANN=yes${NO_SUCH_VARIABLE}")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = cann.find_atc({"PATH": ""}, ("/no/such/folder", "~/Ascend/ascend-toolkit/latest"))
    assert found == cann.Atc(program, latest, path)
    command = found.command(["--a=b c", "d"])
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"yes --a=b c d\n"


def test_environment_of_cann_3(tmp_path):
    _program(tmp_path / "atc" / "bin" / "atc")
    found = cann.find_atc({}, (str(tmp_path),))
    assert found
    environ = found.environment({"PATH": "/bin"})
    assert environ["PATH"] == f"{tmp_path}/atc/ccec_compiler/bin:{tmp_path}/atc/bin:/bin"
    assert environ["LD_LIBRARY_PATH"] == f"{tmp_path}/atc/lib64"
    assert environ["ASCEND_OPP_PATH"] == f"{tmp_path}/opp"


def test_environment_lacks_modules_of_bazel(tmp_path):
    atc = cann.Atc(Path("atc"), tmp_path, Path("set_env.sh"))
    own = "/somewhere/to_om.runfiles/pypi"
    assert "PYTHONPATH" not in atc.environment({"PYTHONPATH": f"{own}:{own}/numpy"})
    assert atc.environment({"PYTHONPATH": f"{own}:/opt/tbe"})["PYTHONPATH"] == "/opt/tbe"


@pytest.mark.parametrize(
    ("name", "content", "version"),
    [
        ("compiler/version.info", "Version=7.0.0\nversion_dir=7.0.0\n", "7.0.0"),
        ("atc/version.info", "Version=1.76.22.3.220\n", "1.76.22.3.220"),
        ("version.cfg", "# version\nruntime_running_version=[8.0.RC1:8.0.RC1]\n", "8.0.RC1"),
        ("other.info", "Version=7.0.0\n", ""),
        ("version.info", "nothing of use", ""),
    ],
)
def test_version(tmp_path, name, content, version):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    assert cann.Atc(Path("atc"), tmp_path).version() == version


@pytest.mark.parametrize(
    ("script", "soc", "reason"),
    [
        (_TABLE.format("310", "310"), "Ascend310", ""),
        (_TABLE.format("310P3", "310P3"), "Ascend310P3", ""),
        (_TABLE.format("Ascend 310B4", "310B4"), "Ascend310B4", ""),
        (_TABLE.format("310", "310P3"), "", "several kinds: 310, 310P3"),
        (_TABLE.format("", ""), "", "no card"),
        ("dcmi module initialize failed. ret is -8005", "", "dcmi module initialize failed"),
        (None, "", "npu-smi, which"),
    ],
)
def test_soc_version(tmp_path, script, soc, reason):
    """`script` is the output of npu-smi; None: it is not installed."""
    environ = {"PATH": str(tmp_path)}
    if script:
        (tmp_path / "output").write_text(script)
        _program(tmp_path / "npu-smi", f'[[ $1 == info ]] && cat "{tmp_path}/output"')
        environ["PATH"] += f":{os.environ['PATH']}"
    found, why = cann.soc_version(environ)
    assert found == soc
    assert reason in why and bool(why) == (not soc)
