"""Black-box test of //python:postprocess."""

import json
import pathlib

import numpy as np
import pytest

from lenet.data import idx
from lenet.testing import mnist, programs, results

COUNT = 40
WRONG = 3


@pytest.fixture
def data(tmp_path):
    """A data set; in result_Files the results for it, of which the first 3 are wrong."""
    data = mnist.write_idx(tmp_path / "Data", train=1, test=COUNT)
    labels = idx.read_split(data, "test").labels
    results.write(tmp_path / "result_Files", labels, WRONG)
    return pathlib.Path(data)


def _first(tmp_path):
    return next((tmp_path / "result_Files").glob("test_0_*.bin"))


@pytest.mark.parametrize(
    "flags",
    [
        ["--data_path=Data"],
        ["--dataset_path=Data/test/t10k-images.idx3-ubyte"],
        ["--dataset_path=set"],
        ["--dataset_path=names"],
    ],
)
def test_accuracy(data, tmp_path, flags):
    (tmp_path / "set").mkdir()
    (tmp_path / "names").mkdir()
    stems = [path.stem for path in (tmp_path / "result_Files").iterdir()]
    rows = [f"{stem}.jpg,{stem[-1]}\n" for stem in stems]
    (tmp_path / "set" / "manifest.csv").write_text("file,label\n" + "".join(rows))
    for stem in stems:
        (tmp_path / "names" / f"{stem}.jpg").write_bytes(b"")
    result = programs.run("postprocess", *flags, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0] == "Accuracy: {'Accuracy':0.9250}"
    assert (tmp_path / "acc.log").read_text() == "'Accuracy':0.9250\n"
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["correct"], report["total"]) == (COUNT - WRONG, COUNT)


def _missing(tmp_path):
    for path in (tmp_path / "result_Files").iterdir():
        path.unlink()


def _no_folder(tmp_path):
    (tmp_path / "result_Files").rename(tmp_path / "elsewhere")


def _extra(tmp_path):
    (tmp_path / "result_Files" / "test_40_1.bin").write_bytes(_first(tmp_path).read_bytes())


def _short(tmp_path):
    _first(tmp_path).write_bytes(b"\0" * 36)


def _nan(tmp_path):
    _first(tmp_path).write_bytes(np.full(10, np.nan, "<f4").tobytes())


def _one_label(tmp_path):
    path = tmp_path / "Data" / "test" / "t10k-labels.idx1-ubyte"
    path.write_bytes(mnist.labels_file(np.zeros(1, np.uint8)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_missing, "40 of 40 results are missing"),
        (_no_folder, "result_Files: No such file or directory; run //cc:infer310 first"),
        (_extra, "1 results in"),
        (_short, "has 36"),
        (_nan, "hold NaN or infinity"),
        (_one_label, "expected 40 labels"),
    ],
)
def test_bad_results(data, tmp_path, change, message):
    change(tmp_path)
    result = programs.run("postprocess", "--data_path=Data", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "acc.log").exists()
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dataset_path=empty"], "no images in"),
        (["--dataset_path=nowhere"], "nowhere does not exist"),
        (["--output_path=file/out"], "--output_path: cannot write to"),
        (["--result_pat=x"], "result_pat"),
    ],
)
def test_bad_input(data, tmp_path, flags, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    result = programs.run("postprocess", "--data_path=Data", *flags, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
