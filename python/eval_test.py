"""The built `eval`, run as a user does, on the model of the build and all of MNIST."""

import json
import re
import shutil

import pytest
from runfiles import Runfiles

from lenet.testing import mnist, programs


@pytest.fixture
def checkpoint():
    return Runfiles.Create().Rlocation("lenet_mindspore/python/lenet.ckpt")


def test_all_images_are_evaluated(checkpoint, tmp_path):
    result = programs.run("eval", f"--ckpt_path={checkpoint}", "--report=report", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = re.fullmatch(r"Accuracy: \{'Accuracy':(0\.\d{4})\}", result.stdout.splitlines()[0])
    assert found
    assert float(found[1]) > 0.9842
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["total"] == 10000
    assert f"{report['accuracy']:.4f}" == found[1]
    assert sum(map(sum, report["confusion_matrix"])) == 10000
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == [
        "confusion_matrix.png",
        "report.json",
    ]
    assert (tmp_path / "report" / "confusion_matrix.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_gives_its_newest_checkpoint(checkpoint, tmp_path):
    data = mnist.write_idx(tmp_path / "Data")
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt" / "checkpoint_lenet-9_1875.ckpt").write_bytes(b"not this one")
    shutil.copy(checkpoint, tmp_path / "ckpt" / "checkpoint_lenet-10_1.ckpt")
    result = programs.run("eval", f"--data_path={data}", "--batch_size=7", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "checkpoint_lenet-10_1.ckpt on 64 images" in result.stderr


def _cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


ROWS = {
    "no checkpoint": (["--ckpt_path=nowhere"], 2, "nowhere: no such checkpoint or folder"),
    "empty folder": (["--ckpt_path=empty"], 2, "empty: expected checkpoints (*.ckpt), found none"),
    "corrupted": (["--ckpt_path=cut.ckpt"], 2, "cut.ckpt: expected a MindSpore checkpoint"),
    "a text": (["--ckpt_path=text.ckpt"], 2, "text.ckpt: expected a MindSpore checkpoint"),
    "no bytes": (["--ckpt_path=none.ckpt"], 2, "none.ckpt: the file is empty"),
    "other ending": (["--ckpt_path=lenet.mindir"], 2, "lenet.mindir: expected a file that ends in"),
    "other size": (["--image_width=28"], 2, "parameter 'fc1.weight': expected shape (120, 320)"),
    "no data": (["--data_path=nowhere"], 2, "nowhere does not exist"),
    "report on a file": (["--report=text.ckpt/report"], 2, "--report: cannot make the folder"),
    "no such device": (["--device_target=GPU"], 3, "--device_target=GPU: "),
    "unknown flag": (["--ckpt_pat=x"], 2, "ckpt_pat"),
}


@pytest.mark.parametrize(("flags", "code", "message"), ROWS.values(), ids=ROWS)
def test_bad_input_is_told(checkpoint, tmp_path, flags, code, message):
    shutil.copy(checkpoint, tmp_path / "good.ckpt")
    shutil.copy(checkpoint, tmp_path / "cut.ckpt")
    (tmp_path / "cut.ckpt").chmod(0o644)
    _cut(tmp_path / "cut.ckpt")
    (tmp_path / "text.ckpt").write_text("not a checkpoint\n" * 50)
    (tmp_path / "none.ckpt").write_bytes(b"")
    (tmp_path / "lenet.mindir").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    data = mnist.write_idx(tmp_path / "Data")
    defaults = ["--ckpt_path=good.ckpt", f"--data_path={data}"]
    result = programs.run("eval", *defaults, *flags, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("eval: error: ")
    assert "Traceback" not in result.stderr
    assert "Accuracy" not in result.stdout
