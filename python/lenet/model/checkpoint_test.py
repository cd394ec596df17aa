import resource
import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from lenet import devices
from lenet.errors import UserError
from lenet.model import checkpoint
from lenet.model.lenet5 import LeNet5
from lenet.training.trainer import FusedTrainer, OperatorTrainer, TrainingSet

DATA = TrainingSet(np.full((4, 32, 32), 200, np.uint8), np.arange(4, dtype=np.int32))
STATE = {"epoch_num": 1, "step_num": 1, "seed": 1, "batch_size": 4}


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


def _operator_trainer(net):
    return OperatorTrainer(net, DATA, 0.9)


def _fused_trainer(net):
    return FusedTrainer(net, DATA, 0.9, threads=1)


@pytest.fixture(params=[_operator_trainer, _fused_trainer])
def saved(tmp_path, request):
    """(network, path of its checkpoint, after one step)."""
    net = LeNet5()
    trainer = request.param(net)
    trainer.train(np.arange(4, dtype=np.int32)[np.newaxis], np.array([0.01], np.float32))
    path = str(tmp_path / checkpoint.file_name(1, 1))
    checkpoint.save(trainer.cell, path, STATE)
    return net, path


def _values(net):
    return {param.name: param.asnumpy().copy() for param in net.get_parameters()}


def _assert_equal(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name])


def test_what_is_saved_is_loaded(saved, tmp_path):
    net, path = saved
    other = LeNet5()
    found = checkpoint.load_into(other, path)
    _assert_equal(_values(net), _values(other))
    assert int(found["step_num"].asnumpy()) == 1
    assert found["moments.fc1.weight"].shape == (120, 400)
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint_lenet-1_1.ckpt"]


def test_subnormal_numbers_are_saved_as_zero(saved, tmp_path):
    net, _ = saved
    values = np.zeros(10, np.float32)
    values[:5] = (1e-40, -1e-40, 2e-38, -1.5, -0.0)
    net.fc3.bias.set_data(ms.Tensor(values))
    path = str(tmp_path / "a.ckpt")
    checkpoint.save(net, path, STATE)
    expected = np.zeros(10, np.float32)
    expected[2:4] = (2e-38, -1.5)
    assert checkpoint.read(path)["fc3.bias"].asnumpy().tobytes() == expected.tobytes()


def test_a_file_of_modelcheckpoint_loads(tmp_path):
    """As the original scripts write it, optimizer state included."""
    net = LeNet5()
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    optimizer = nn.Momentum(net.trainable_params(), 0.01, 0.9)
    model = ms.Model(net, loss, optimizer, amp_level="O0")
    images = np.random.default_rng(0).normal(size=(8, 1, 32, 32)).astype(np.float32)
    data = ms.dataset.NumpySlicesDataset((images, np.arange(8, dtype=np.int32)), shuffle=False)
    config = ms.train.CheckpointConfig(save_checkpoint_steps=2, keep_checkpoint_max=10)
    writer = ms.train.ModelCheckpoint("checkpoint_lenet", str(tmp_path), config)
    model.train(2, data.batch(4), callbacks=[writer], dataset_sink_mode=False)
    path = checkpoint.newest(str(tmp_path))
    assert path == str(tmp_path / "checkpoint_lenet-2_2.ckpt")
    other = LeNet5()
    found = checkpoint.load_into(other, path)
    _assert_equal(_values(net), _values(other))
    assert _operator_trainer(other).load_state(found) == []
    assert _fused_trainer(other).load_state(found) == []


def _save(path, values):
    ms.save_checkpoint([{"name": n, "data": ms.Tensor(v)} for n, v in values.items()], str(path))


def test_parameters_of_the_network_alone_are_enough(tmp_path):
    net = LeNet5()
    _save(tmp_path / "a.ckpt", _values(net))
    other = LeNet5()
    found = checkpoint.load_into(other, str(tmp_path / "a.ckpt"))
    _assert_equal(_values(net), _values(other))
    assert "moments.fc1.weight" in _fused_trainer(other).load_state(found)


def _without(values, name):
    return {key: value for key, value in values.items() if key != name}


BAD_PARAMETERS = {
    "missing": (lambda v: _without(v, "fc2.bias"), r"expected a parameter 'fc2.bias' \(84,\)"),
    "extra": (lambda v: v | {"fc4.bias": np.zeros(3, np.float32)}, r"'fc4.bias' \(3,\)"),
    "shape": (
        lambda v: v | {"fc1.weight": np.zeros((120, 256), np.float32)},
        r"'fc1.weight': expected shape \(120, 400\), found \(120, 256\).*image_height",
    ),
    "integers": (
        lambda v: v | {"fc1.bias": np.zeros(120, np.int32)},
        "'fc1.bias': expected finite floating",
    ),
    "nan": (
        lambda v: v | {"fc3.bias": np.full(10, np.nan, np.float32)},
        "'fc3.bias': expected finite floating",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameters_are_told_and_nothing_is_loaded(tmp_path, change, message):
    net = LeNet5()
    before = _values(net)
    _save(tmp_path / "a.ckpt", change(_values(LeNet5())))
    with pytest.raises(UserError, match=message):
        checkpoint.load_into(net, str(tmp_path / "a.ckpt"))
    _assert_equal(_values(net), before)


BAD_FILES = {
    "empty": (lambda content: b"", "the file is empty"),
    "cut": (lambda content: content[: len(content) // 2], "does not parse"),
    "a text": (lambda content: b"not a checkpoint at all\n" * 40, "does not parse"),
    "zeros": (lambda content: bytes(1000), "does not parse"),
    "damaged": (lambda content: b"\xff" * 64 + content[64:], "does not parse"),
}


@pytest.mark.parametrize(("change", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_corrupted_file_is_told(saved, tmp_path, change, message):
    with open(saved[1], "rb") as file:
        content = file.read()
    path = tmp_path / "bad.ckpt"
    path.write_bytes(change(content))
    with pytest.raises(UserError, match=message) as error:
        checkpoint.load_into(LeNet5(), str(path))
    assert str(path) in str(error.value)


def test_a_file_cut_anywhere_is_told(saved, tmp_path):
    """Also where what is left parses: then a parameter is missing."""
    with open(saved[1], "rb") as file:
        content = file.read()
    path = tmp_path / "bad.ckpt"
    net = LeNet5()
    network_end = content.index(b"fc3.bias")
    for end in np.linspace(1, network_end, 50).astype(int):
        path.write_bytes(content[:end])
        with pytest.raises(UserError):
            checkpoint.load_into(net, str(path))


def test_another_ending_and_no_file_are_told(tmp_path):
    (tmp_path / "model.mindir").write_bytes(b"x")
    with pytest.raises(UserError, match="ends in .ckpt"):
        checkpoint.read(str(tmp_path / "model.mindir"))
    with pytest.raises(UserError, match="no such checkpoint"):
        checkpoint.read(str(tmp_path / "no.ckpt"))


def _touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"")


def test_newest_is_by_number(tmp_path):
    _touch(
        tmp_path, "lenet.ckpt", "zzz.ckpt", ".a.tmp.checkpoint_lenet-99_1.ckpt", "other-99_9.txt"
    )
    assert checkpoint.newest(str(tmp_path)) == str(tmp_path / "zzz.ckpt")
    for name in ("checkpoint_lenet-2_1875", "checkpoint_lenet-10_9", "checkpoint_lenet_1-10_10"):
        _touch(tmp_path, name + ".ckpt")
        assert checkpoint.newest(str(tmp_path)) == str(tmp_path / f"{name}.ckpt")
    assert checkpoint.newest(str(tmp_path / "lenet.ckpt")) == str(tmp_path / "lenet.ckpt")


def test_newest_of_nothing_is_told(tmp_path):
    with pytest.raises(UserError, match="found none"):
        checkpoint.newest(str(tmp_path))
    with pytest.raises(UserError, match="no such checkpoint or folder"):
        checkpoint.newest(str(tmp_path / "nowhere"))


def test_prune_keeps_the_newest_and_what_is_not_its_own(tmp_path):
    own = [checkpoint.file_name(epoch, 5) for epoch in (1, 2, 9, 10)]
    _touch(tmp_path, *own, "mine-1_1.ckpt", "metrics.json")
    checkpoint.prune(str(tmp_path), 2)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([*own[2:], "mine-1_1.ckpt", "metrics.json"])
    checkpoint.prune(str(tmp_path), 10)
    assert sorted(path.name for path in tmp_path.iterdir()) == left


@pytest.fixture
def full_disk():
    """No file can grow beyond 1000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(saved, tmp_path, full_disk):
    net, path = saved
    with open(path, "rb") as file:
        before = file.read()
    with pytest.raises(OSError):
        checkpoint.save(_operator_trainer(net).cell, path, STATE)
    with open(path, "rb") as file:
        assert file.read() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint_lenet-1_1.ckpt"]
