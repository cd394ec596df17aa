"""Black-box test of //python:export."""

import pathlib

import pytest

from lenet.testing import programs


@pytest.fixture
def ckpt():
    return programs.path("//python:lenet.ckpt")


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_mindir_does_not_depend_on_the_process(ckpt, tmp_path, monkeypatch):
    contents = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        result = programs.run(
            "export", f"--ckpt_file={ckpt}", f"--file_name=out{seed}/lenet", cwd=tmp_path
        )
        assert result.returncode == 0, result.stderr
        folder = tmp_path / f"out{seed}"
        assert _names(folder) == ["lenet.mindir", "lenet_lite.mindir"]
        contents.append([path.read_bytes() for path in sorted(folder.iterdir())])
        assert f"--mindir_path={folder}/lenet.mindir" in result.stdout
        assert "verified on 8 images" in result.stderr
    assert contents[0] == contents[1]


def test_onnx(ckpt, tmp_path):
    flags = (f"--ckpt_file={ckpt}", "--file_name=out/lenet")
    result = programs.run("export", *flags, "--file_format=onnx", "--batch_size=3", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert _names(tmp_path) == ["out"], "something was written into the home folder"
    assert _names(tmp_path / "out") == ["lenet.onnx"]
    size = (tmp_path / "out" / "lenet.onnx").stat().st_size
    assert f"{tmp_path}/out/lenet.onnx: {size} bytes" in result.stdout


def _text(path, ckpt):
    path.write_text("not a checkpoint\n" * 100)


def _cut(path, ckpt):
    path.write_bytes(pathlib.Path(ckpt).read_bytes()[:100_000])


def _empty(path, ckpt):
    path.write_bytes(b"")


def _absent(path, ckpt):
    pass


def _empty_folder(path, ckpt):
    path.mkdir()


@pytest.mark.parametrize("make", [_text, _cut, _empty, _absent, _empty_folder])
def test_bad_checkpoint(ckpt, tmp_path, make):
    make(tmp_path / "bad.ckpt", ckpt)
    before = _names(tmp_path)
    result = programs.run("export", "--ckpt_file=bad.ckpt", cwd=tmp_path)
    assert result.returncode == 2
    assert f"export: error: {tmp_path}/bad.ckpt: " in result.stderr
    assert "Traceback" not in result.stderr
    assert _names(tmp_path) == before


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--image_height=40"], 2, r"'fc1.weight': expected shape (120, 560), found (120, 400)"),
        (["--file_format=AIR"], 3, "--file_format=AIR: "),
        (["--device_target=Ascend"], 3, "--device_target=Ascend: "),
        (["--data_path=nowhere"], 2, "--data_path: "),
        (["--file_name=file/lenet"], 2, "--file_name: cannot make the folder "),
        (["--file_format=TFLITE"], 2, "file_format"),
        (["--batch_size=0"], 2, "batch_size"),
        (["--bach_size=1"], 2, "bach_size"),
        (["--config_path=bad.yaml"], 2, "bad.yaml is not YAML"),
        (["--config_path=typo.yaml"], 2, "did you mean 'file_name'?"),
    ],
)
def test_bad_input(ckpt, tmp_path, flags, code, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "bad.yaml").write_text("export: {batch_size: [")
    (tmp_path / "typo.yaml").write_text("file_nam: lenet")
    before = _names(tmp_path)
    result = programs.run("export", f"--ckpt_file={ckpt}", *flags, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert _names(tmp_path) == before
