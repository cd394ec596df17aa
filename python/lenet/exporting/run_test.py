import mindspore as ms
import numpy as np
import onnxruntime
import pytest
from mindspore import nn

from lenet import devices
from lenet.errors import DeviceUnavailableError, LenetError, UserError
from lenet.exporting import formats
from lenet.exporting.run import run_export
from lenet.model.lenet5 import LeNet5
from lenet.options import config
from lenet.options.programs import ExportOptions
from lenet.testing import mnist


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return mnist.write_idx(tmp_path_factory.mktemp("data"), train=1, test=5)


@pytest.fixture(scope="module")
def net():
    devices.set_context("CPU")
    ms.set_seed(3)
    net = LeNet5()
    net.set_train(False)
    return net


@pytest.fixture(scope="module")
def ckpt(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("ckpt") / "checkpoint_lenet-1_1875.ckpt"
    ms.save_checkpoint(net, str(path))
    return path


@pytest.fixture
def options(data, ckpt, tmp_path):
    def make(**changes):
        values = {
            "device_target": "CPU",
            "data_path": data,
            "ckpt_file": str(ckpt),
            "file_name": str(tmp_path / "out" / "lenet"),
        }
        return config.default_options(ExportOptions, **values | changes)

    return make


def _names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _images(batch):
    return np.random.default_rng(1).normal(size=(batch, 1, 32, 32)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 7])
def test_mindir_equals_the_checkpoint(options, net, tmp_path, batch, capsys):
    run_export(options(batch_size=batch))
    assert _names(tmp_path / "out") == ["lenet.mindir", "lenet_lite.mindir"]
    images = ms.Tensor(_images(batch))
    expected = net(images).asnumpy()
    for name in _names(tmp_path / "out"):
        found = nn.GraphCell(ms.load(str(tmp_path / "out" / name)))(images).asnumpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    printed = capsys.readouterr().out
    size = (tmp_path / "out" / "lenet.mindir").stat().st_size
    assert f"lenet.mindir: {size} bytes" in printed
    assert f"bazel run //cc:infer310 -- --mindir_path={tmp_path}/out/lenet.mindir" in printed


@pytest.mark.parametrize("batch", [1, 7])
def test_onnx_equals_the_checkpoint(options, net, tmp_path, batch):
    run_export(options(file_format="ONNX", batch_size=batch))
    assert _names(tmp_path / "out") == ["lenet.onnx"]
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "lenet.onnx"))
    [given], [result] = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape, given.type) == ("x", [batch, 1, 32, 32], "tensor(float)")
    assert (result.name, result.shape) == ("logits", [batch, 10])
    found = session.run(None, {"x": _images(batch)})[0]
    expected = net(ms.Tensor(_images(batch))).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_equal_checkpoints_give_equal_onnx(options, tmp_path):
    contents = set()
    for folder in ("first", "second"):
        run_export(options(file_format="ONNX", file_name=str(tmp_path / folder / "m")))
        contents.add((tmp_path / folder / "m.onnx").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_nothing_is_written_if_the_file_computes_something_else(
    options, tmp_path, file_format, monkeypatch
):
    for runner in ("mindir_runner", "onnx_runner"):
        monkeypatch.setattr(
            formats, runner, lambda path: lambda batch: np.ones((len(batch), 10), np.float32)
        )
    with pytest.raises(LenetError, match="logits differ"):
        run_export(options(file_format=file_format))
    assert _names(tmp_path / "out") == []


def test_the_newest_checkpoint_and_a_redundant_suffix(options, ckpt, tmp_path):
    run_export(options(ckpt_file=str(ckpt.parent), file_name=str(tmp_path / "out/lenet.mindir")))
    assert _names(tmp_path / "out") == ["lenet.mindir", "lenet_lite.mindir"]


def test_failures_are_reported_and_nothing_is_written(options, tmp_path):
    other = tmp_path / "other.ckpt"
    ms.save_checkpoint(LeNet5(num_class=5), str(other))
    for changes, error, message in (
        ({"file_format": "AIR"}, DeviceUnavailableError, "use MINDIR"),
        ({"ckpt_file": str(other)}, UserError, r"fc3\.weight.*\(10, 84\).*\(5, 84\)"),
        ({"file_name": str(other / "lenet")}, UserError, "--file_name: cannot write to"),
        ({"file_name": str(tmp_path)}, UserError, "--file_name: expected the name of a file"),
    ):
        with pytest.raises(error, match=message):
            run_export(options(**changes))
    assert _names(tmp_path / "out") == []
