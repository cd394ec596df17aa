import os
import pathlib

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


def _program(path: pathlib.Path, text: str = "exit 0") -> pathlib.Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{text}\n")
    path.chmod(0o755)
    return path


def test_there_is_none(tmp_path):
    assert cann.find_atc({}, (str(tmp_path / "none"),)) is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "atc").write_text("not executable")
    assert cann.find_atc({"ASCEND_HOME_PATH": str(tmp_path)}, ()) is None


@pytest.mark.parametrize("variable", ["ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME"])
@pytest.mark.parametrize("place", ["bin/atc", "compiler/bin/atc", "atc/bin/atc"])
def test_of_the_environment(tmp_path, variable, place):
    program = _program(tmp_path / "cann" / place)
    other = _program(tmp_path / "other" / "bin" / "atc")
    environ = {variable: str(tmp_path / "cann"), "PATH": str(other.parent)}
    found = cann.find_atc(environ, (str(tmp_path / "other"),))
    assert found == cann.Atc(str(program), str(tmp_path / "cann"), "")


def test_on_the_path_before_the_default_folders(tmp_path):
    program = _program(tmp_path / "cann" / "bin" / "atc")
    _program(tmp_path / "other" / "bin" / "atc")
    found = cann.find_atc({"PATH": str(program.parent)}, (str(tmp_path / "other"),))
    assert found == cann.Atc(str(program), str(tmp_path / "cann"))


@pytest.mark.parametrize("script", ["set_env.sh", "../set_env.sh"])
def test_in_a_default_folder_with_its_environment(tmp_path, script, monkeypatch):
    latest = tmp_path / "Ascend" / "ascend-toolkit" / "latest"
    program = _program(latest / "bin" / "atc", 'echo "${SET_BY_CANN} $*"')
    path = (latest / script).resolve()
    path.write_text("echo noise; export SET_BY_CANN=yes${NO_SUCH_VARIABLE}")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = cann.find_atc({"PATH": ""}, ("/no/such/folder", "~/Ascend/ascend-toolkit/latest"))
    assert found == cann.Atc(str(program), str(latest), str(path))
    output = os.popen(" ".join(f"'{word}'" for word in found.command(["--a=b c", "d"]))).read()
    assert output == "yes --a=b c d\n"


def test_of_2020(tmp_path):
    _program(tmp_path / "atc" / "bin" / "atc")
    found = cann.find_atc({}, (str(tmp_path),))
    environ = found.environment({"PATH": "/bin"})
    assert environ["PATH"] == f"{tmp_path}/atc/ccec_compiler/bin:{tmp_path}/atc/bin:/bin"
    assert environ["LD_LIBRARY_PATH"] == f"{tmp_path}/atc/lib64"
    assert environ["ASCEND_OPP_PATH"] == f"{tmp_path}/opp"


def test_the_modules_of_this_program_are_not_for_atc(tmp_path):
    atc = cann.Atc("atc", str(tmp_path), "set_env.sh")
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
    assert cann.Atc("atc", str(tmp_path)).version() == version


@pytest.mark.parametrize(
    ("names", "soc", "reason"),
    [
        (("310", "310"), "Ascend310", ""),
        (("310P3", "310P3"), "Ascend310P3", ""),
        (("Ascend 310B4", "310B4"), "Ascend310B4", ""),
        (("310", "310P3"), "", "several kinds: 310, 310P3"),
        (("", ""), "", "no card"),
    ],
)
def test_soc_version(tmp_path, names, soc, reason):
    table = tmp_path / "table"
    table.write_text(_TABLE.format(*names))
    _program(tmp_path / "npu-smi", f'[[ $1 == info ]] && cat "{table}"')
    found, why = cann.soc_version({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert found == soc
    assert reason in why and bool(why) == (not soc)


def test_npu_smi_that_fails(tmp_path):
    _program(tmp_path / "npu-smi", "echo dcmi module initialize failed. ret is -8005; exit 1")
    found, why = cann.soc_version({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert found == ""
    assert "dcmi module initialize failed" in why


def test_no_npu_smi(tmp_path):
    assert cann.soc_version({"PATH": str(tmp_path)})[1].startswith("npu-smi, which")
