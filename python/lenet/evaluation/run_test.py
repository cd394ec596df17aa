import dataclasses
import json

import mindspore as ms
import pytest

from lenet import devices
from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.evaluation.run import run_evaluation
from lenet.model.lenet5 import LeNet5
from lenet.options import config
from lenet.options.programs import EvalOptions
from lenet.testing import mnist


@pytest.fixture
def options(tmp_path):
    devices.set_context("CPU")
    ms.set_seed(1)
    ms.save_checkpoint(LeNet5(), str(tmp_path / "lenet.ckpt"))
    return config.default_options(
        EvalOptions,
        data_path=mnist.write_idx(tmp_path / "Data"),
        device_target="CPU",
        ckpt_path=str(tmp_path / "lenet.ckpt"),
    )


def test_prints_and_returns_the_accuracy_of_the_network(options, capsys):
    result = run_evaluation(options)
    assert result.total == 64
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Accuracy: {{'Accuracy':{result.accuracy:.4f}}}"
    assert len([line for line in lines if line.split()[:1] == ["9"]]) == 1
    test = idx.read_split(options.data_path, "test")
    net = LeNet5()
    ms.load_checkpoint(options.ckpt_path, net)
    predictions = net(ms.Tensor(transform.prepare(test.images, 32, 32))).asnumpy().argmax(1)
    assert result.correct == (predictions == test.labels).sum()


def test_report_is_reproducible(options, tmp_path):
    pictures = []
    for name in ("a", "b"):
        folder = tmp_path / "reports" / name
        result = run_evaluation(dataclasses.replace(options, report=str(folder)))
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["confusion_matrix.png", "mistakes.png", "report.html", "report.json"]
        report = json.loads((folder / "report.json").read_text())
        assert report["accuracy"] == result.accuracy
        assert report["confusion_matrix"] == result.confusion.tolist()
        pictures.append((folder / "confusion_matrix.png").read_bytes())
    assert pictures[0].startswith(b"\x89PNG")
    assert pictures[0] == pictures[1]


def test_invalid_input_is_reported(options, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for changes, message in (
        ({"ckpt_path": str(tmp_path / "nowhere")}, "no such checkpoint or folder"),
        ({"data_path": str(tmp_path / "nowhere")}, "does not exist"),
        ({"report": str(tmp_path / "file" / "report")}, "--report: cannot write to"),
        ({"image_height": 28}, "'fc1.weight': expected shape .*image_height"),
    ):
        with pytest.raises(UserError, match=message):
            run_evaluation(dataclasses.replace(options, **changes))
