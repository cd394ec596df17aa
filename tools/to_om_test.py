"""Black-box test of //tools:to_om with a fake CANN and a fake driver."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from cc.ascend.testing import fake_cann, simulator
from lenet.testing import programs

_PROGRAM = "//tools:to_om"
_CANN_VARIABLES = ("ASCEND_HOME_PATH", "ASCEND_TOOLKIT_HOME")


@pytest.fixture
def onnx(tmp_path) -> pathlib.Path:
    """lenet.onnx of the build graph in an empty folder."""
    path = tmp_path / "in" / "lenet.onnx"
    path.parent.mkdir()
    shutil.copy(programs.path("//python:lenet.onnx"), path)
    return path


@pytest.fixture
def cann(tmp_path) -> pathlib.Path:
    return fake_cann.install(tmp_path / "cann")


def _convert(
    *arguments: str, cwd: pathlib.Path, cann: pathlib.Path | None, cards: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs to_om with a CANN in the home folder and cards that npu-smi shows."""
    home = cwd / "home"
    (home / "Ascend").mkdir(parents=True, exist_ok=True)
    if cann:
        (home / "Ascend" / "cann").symlink_to(cann)
    path = os.environ["PATH"]
    if cards:
        path = f"{fake_cann.npu_smi(cwd / 'driver', *cards)}:{path}"
    environment = programs.environment(home) | {"PATH": path, "BUILD_WORKING_DIRECTORY": str(cwd)}
    for name in _CANN_VARIABLES:
        environment.pop(name, None)
    return subprocess.run(
        [programs.path(_PROGRAM), *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _names(folder: pathlib.Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_onnx_with_the_card_that_is_there(onnx, cann, tmp_path):
    done = _convert("--model=in/lenet.onnx", cwd=tmp_path, cann=cann, cards=("310", "310"))
    assert done.returncode == 0, done.stderr
    assert _names(onnx.parent) == ["lenet.om", "lenet.om.json", "lenet.onnx"]
    om = onnx.parent / "lenet.om"
    assert json.loads((onnx.parent / "lenet.om.json").read_text()) == {
        "model_sha256": _sha256(om),
        "source": "lenet.onnx",
        "source_sha256": _sha256(onnx),
        "soc_version": "Ascend310",
        "atc_version": fake_cann.VERSION,
        "input_form": "float",
        "height": 32,
        "width": 32,
        "batch": [1],
        "aipp_sha256": "",
    }
    assert f"{om}: {om.stat().st_size} bytes, for Ascend310, normalised float32" in done.stdout
    assert f"--mindir_path={om} --cpu_dvpp=CPU" in done.stdout
    # The fake ATC also writes the models of the other tests.
    assert om.read_bytes() == simulator.model("lenet").read_bytes()
    assert "kernel_meta" not in _names(tmp_path)


def test_bytes_and_a_dynamic_batch(onnx, cann, tmp_path):
    done = _convert(
        f"--model={onnx}",
        "--output=out/digits",
        "--soc_version=Ascend310P3",
        "--aipp",
        "--dynamic_batch=16,1,8",
        cwd=tmp_path,
        cann=cann,
        cards=("310",),
    )
    assert done.returncode == 0, done.stderr
    assert _names(tmp_path / "out") == ["digits.om", "digits.om.json"]
    manifest = json.loads((tmp_path / "out" / "digits.om.json").read_text())
    assert manifest["soc_version"] == "Ascend310P3"
    assert manifest["input_form"] == "luma"
    assert manifest["batch"] == [1, 8, 16]
    assert len(manifest["aipp_sha256"]) == 64
    assert "--cpu_dvpp=DVPP" in done.stdout
    expected = simulator.model("lenet_dynamic").read_bytes()
    found = (tmp_path / "out" / "digits.om").read_bytes()
    assert found.replace(b"Ascend310P3", b"Ascend310\0\0") == expected


def test_mindir(cann, tmp_path):
    """ATC gets an ONNX exported from the weights of the MindIR."""
    (tmp_path / "in").mkdir()
    mindir = tmp_path / "in" / "lenet.mindir"
    shutil.copy(programs.path("//python:lenet.mindir"), mindir)
    done = _convert(f"--model={mindir}", "--aipp", cwd=tmp_path, cann=cann, cards=("310",))
    assert done.returncode == 0, done.stderr
    assert "verified on" in done.stderr
    assert _names(mindir.parent) == ["lenet.mindir", "lenet_aipp.om", "lenet_aipp.om.json"]
    manifest = json.loads((mindir.parent / "lenet_aipp.om.json").read_text())
    assert manifest["source"] == "lenet.mindir"
    assert manifest["source_sha256"] == _sha256(mindir)


def test_air(cann, tmp_path):
    (tmp_path / "lenet.air").write_bytes(b"AIR")
    done = _convert("--model=lenet.air", cwd=tmp_path, cann=cann, cards=("310",))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lenet.om").exists()


@pytest.mark.parametrize("cards", [(), ("310P3",)])
def test_without_cann_the_command_is_printed(onnx, tmp_path, cards):
    done = _convert(f"--model={onnx}", "--aipp", cwd=tmp_path, cann=None, cards=cards)
    assert done.returncode == 3
    assert done.stderr.startswith("to_om: error: ATC, the converter of CANN, is not installed")
    soc = "Ascend310P3" if cards else "Ascend310"
    assert (
        f"\n  atc --framework=5 --model=lenet.onnx --output=lenet_aipp --soc_version={soc} "
        "--input_format=NCHW --input_shape=x:1,1,32,32 --output_type=FP32 "
        "--insert_op_conf=aipp.cfg\n"
    ) in done.stderr
    assert f"copy there: {onnx} /" in done.stderr
    assert "copy back: lenet_aipp.om" in done.stderr
    assert done.stdout == ""
    assert _names(onnx.parent) == ["lenet.onnx"]


def test_the_printed_command_works_elsewhere(onnx, cann, tmp_path):
    """Runs the command with CANN's environment and copies of the files."""
    done = _convert(f"--model={onnx}", "--aipp", "--dynamic_batch=1,8", cwd=tmp_path, cann=None)
    there = tmp_path / "there"
    there.mkdir()
    lines = [line.strip() for line in done.stderr.splitlines()]
    for path in next(line for line in lines if line.startswith("copy there: ")).split()[2:]:
        shutil.copy(path, there)
    command = next(line for line in lines if line.startswith("atc "))
    script = f'source "{cann}/set_env.sh" && {command}'
    environment = programs.environment(there)
    environment.pop("PYTHONPATH", None)  # modules of this test
    subprocess.run(["bash", "-c", script], cwd=there, check=True, env=environment)
    assert (there / "lenet_aipp.om").stat().st_size > 0


def test_without_cann_and_only_a_mindir(tmp_path):
    shutil.copy(programs.path("//python:lenet.mindir"), tmp_path / "my.mindir")
    done = _convert("--model=my.mindir", cwd=tmp_path, cann=None)
    assert done.returncode == 3
    assert "--file_format=ONNX" in done.stderr
    assert "--model=my.onnx" in done.stderr


def test_cann_of_the_environment_comes_first(onnx, cann, tmp_path, monkeypatch):
    """CANN of the environment is used without sourcing set_env.sh."""
    environment = programs.environment(tmp_path) | {"ASCEND_HOME_PATH": str(cann)}
    command = [programs.path(_PROGRAM), f"--model={onnx}", "--soc_version=Ascend310"]
    unset = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert unset.returncode == 1
    assert "libge_compiler.so" in unset.stderr  # ASCEND_OPP_PATH is missing
    assert _names(onnx.parent) == ["lenet.onnx"]
    environment["ASCEND_OPP_PATH"] = str(cann / "opp")
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert (onnx.parent / "lenet.om").exists()


def test_a_failure_of_atc_keeps_earlier_files(onnx, cann, tmp_path):
    (onnx.parent / "lenet.om").write_text("earlier")
    (onnx.parent / "lenet.om.json").write_text("{}")
    done = _convert(f"--model={onnx}", "--soc_version=Ascend999", cwd=tmp_path, cann=cann)
    assert done.returncode == 1
    assert "E10001: Value [Ascend999] for parameter [--soc_version] is invalid" in done.stderr
    assert "Traceback" not in done.stderr
    assert _names(onnx.parent) == ["lenet.om", "lenet.om.json", "lenet.onnx"]
    assert (onnx.parent / "lenet.om").read_text() == "earlier"


def test_a_second_conversion_replaces_the_first(onnx, cann, tmp_path):
    for soc in ("Ascend310", "Ascend310P3"):
        done = _convert(f"--model={onnx}", f"--soc_version={soc}", cwd=tmp_path, cann=cann)
        (tmp_path / "home" / "Ascend" / "cann").unlink()
        assert done.returncode == 0, done.stderr
        manifest = json.loads((onnx.parent / "lenet.om.json").read_text())
        assert manifest["soc_version"] == soc
        assert manifest["model_sha256"] == _sha256(onnx.parent / "lenet.om")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model=none.onnx"], "--model: cannot read"),
        (["--model=in/empty.onnx"], "is empty"),
        (["--model=in/text.onnx"], "text.onnx: "),
        (["--model=in/model.ckpt"], "expected a file .onnx, .air or .mindir"),
        (["--model=in/text.mindir"], "text.mindir: not a MindIR"),
        (["--image_height=40"], "32x32, --image_height and --image_width are 40x32"),
        (["--soc_version=310"], "--soc_version: expected Ascend and the name"),
        ([], "--soc_version is required, such as --soc_version=Ascend310: npu-smi"),
        (["--dynamic_batch=8"], "--dynamic_batch: expected 2 to 100 different sizes"),
        (["--dynamic_batch=1,8,8"], "found '1,8,8'"),
        (["--dynamic_batch=0,8"], "found '0,8'"),
        (["--dynamic_batch=1,many"], "found '1,many'"),
        (["--model=in/lenet.air", "--dynamic_batch=1,8"], "use the ONNX"),
        (["--aipp_path=in/rgb.cfg"], "--aipp_path requires --aipp"),
        (["--aipp", "--aipp_path=none.cfg"], "--aipp_path: cannot read"),
        (["--aipp", "--aipp_path=in/rgb.cfg"], "found RGB888_U8"),
        (["--output=in"], "is a folder"),
        (["--output=in/lenet.onnx/a"], "--output: cannot make the folder"),
        (["stray"], "unexpected argument 'stray'"),
    ],
)
def test_bad_input(onnx, cann, tmp_path, arguments, message):
    folder = onnx.parent
    (folder / "empty.onnx").touch()
    for name in ("text.onnx", "model.ckpt", "lenet.air", "text.mindir"):
        (folder / name).write_text("a text\n" * 100)
    (folder / "rgb.cfg").write_text("aipp_op {\n aipp_mode: static\n input_format: RGB888_U8\n}\n")
    if not any(argument.startswith("--model") for argument in arguments):
        arguments = [f"--model={onnx}", *arguments]
    if arguments[:1] != ["--model=" + str(onnx)] or len(arguments) > 1:
        arguments = ["--soc_version=Ascend310", *arguments]
    before = _names(folder)
    if "--output=in" in arguments:
        (folder.parent / "in.om").mkdir()
    done = _convert(*arguments, cwd=tmp_path, cann=cann)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert _names(folder) == before
