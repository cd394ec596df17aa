import logging
import resource
import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import amp, nn

from lenet import devices
from lenet.errors import UserError
from lenet.model import checkpoint
from lenet.model.lenet5 import LeNet5

STATE = {"epoch_num": 1, "step_num": 1, "seed": 1, "batch_size": 4}


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


def _training_cell(net):
    """Parameters of a network and its optimizer."""
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    return amp.build_train_network(net, nn.Momentum(net.trainable_params(), 0.01, 0.9), loss)


@pytest.fixture
def saved(tmp_path):
    """(network, path of its checkpoint)."""
    net = LeNet5()
    path = tmp_path / checkpoint.file_name(1, 1)
    checkpoint.save(_training_cell(net), path, STATE)
    return net, path


def _values(net):
    return {param.name: param.asnumpy().copy() for param in net.get_parameters()}


def _assert_equal(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name])


def test_a_saved_file_loads(saved, tmp_path, caplog):
    net, path = saved
    other = LeNet5()
    caplog.set_level(logging.INFO)
    found = checkpoint.load_into(other, path)
    assert not caplog.records
    _assert_equal(_values(net), _values(other))
    assert int(found["step_num"].asnumpy()) == 1
    assert found["moments.fc1.weight"].shape == (120, 400)
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint_lenet-1_1.ckpt"]


def test_subnormal_numbers_are_saved_as_zero(saved, tmp_path):
    net, _ = saved
    values = np.zeros(10, np.float32)
    values[:5] = (1e-40, -1e-40, 2e-38, -1.5, -0.0)
    net.fc3.bias.set_data(ms.Tensor(values))
    path = tmp_path / "a.ckpt"
    checkpoint.save(net, path, STATE)
    expected = np.zeros(10, np.float32)
    expected[2:4] = (2e-38, -1.5)
    assert checkpoint.read(path)["fc3.bias"].asnumpy().tobytes() == expected.tobytes()


def _save(path, values):
    ms.save_checkpoint([{"name": n, "data": ms.Tensor(v)} for n, v in values.items()], str(path))


def test_parameters_of_the_network_alone_are_enough(tmp_path):
    net = LeNet5()
    _save(tmp_path / "a.ckpt", _values(net))
    other = LeNet5()
    checkpoint.load_into(other, tmp_path / "a.ckpt")
    _assert_equal(_values(net), _values(other))


def _renamed(net, prefix):
    return [{"name": prefix + p.name, "data": ms.Tensor(p.asnumpy())} for p in net.get_parameters()]


def _cast(net, dtype):
    return [{"name": p.name, "data": p.value().astype(dtype)} for p in net.get_parameters()]


ADDED = {"note": "text", "epoch": 3, "lr": 0.5, "best": True}
WRITERS = {
    "text and numbers": lambda net, path: ms.save_checkpoint(net, path, append_dict=ADDED),
    "checksum": lambda net, path: ms.save_checkpoint(net, path, crc_check=True),
    "prefix": lambda net, path: ms.save_checkpoint(_renamed(net, "backbone.net."), path),
    "other tensors": lambda net, path: ms.save_checkpoint(
        [*_renamed(net, ""), {"name": "fc4.bias", "data": ms.Tensor(np.ones(3, np.float32))}], path
    ),
    "moments first": lambda net, path: ms.save_checkpoint(
        [*_renamed(LeNet5(), "moments."), *_renamed(net, "network.")], path
    ),
    "adam": lambda net, path: ms.save_checkpoint(
        nn.TrainOneStepCell(net, nn.Adam(net.trainable_params())), path
    ),
    "lars": lambda net, path: ms.save_checkpoint(
        nn.TrainOneStepCell(net, nn.LARS(nn.Momentum(net.trainable_params(), 0.1, 0.9))), path
    ),
    "float16": lambda net, path: ms.save_checkpoint(_cast(net, ms.float16), path),
    "bfloat16": lambda net, path: ms.save_checkpoint(_cast(net, ms.bfloat16), path),
    "float64": lambda net, path: ms.save_checkpoint(_cast(net, ms.float64), path),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_files_of_other_programs_load(tmp_path, write):
    net, other = LeNet5(), LeNet5()
    for param in net.get_parameters():  # values that bfloat16 represents
        param.set_data(ms.Tensor(np.sign(param.asnumpy()) / 4))
    write(net, str(tmp_path / "a.ckpt"))
    checkpoint.load_into(other, tmp_path / "a.ckpt")
    _assert_equal(_values(net), _values(other))


def test_safetensors_load(tmp_path):
    net, other = LeNet5(), LeNet5()
    ms.save_checkpoint(net, str(tmp_path / "a.safetensors"), format="safetensors")
    checkpoint.load_into(other, tmp_path / "a.safetensors")
    _assert_equal(_values(net), _values(other))


def test_content_that_is_ignored_is_named_once(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    WRITERS["other tensors"](LeNet5(), str(tmp_path / "a.ckpt"))
    checkpoint.load_into(LeNet5(), tmp_path / "a.ckpt")
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/a.ckpt: ignored what LeNet-5 does not have: fc4.bias"
    ]


@pytest.mark.parametrize("mode", ["AES-GCM", "AES-CBC"])
def test_an_encrypted_file_is_named_as_such(tmp_path, mode):
    path = str(tmp_path / "a.ckpt")
    ms.save_checkpoint(LeNet5(), path, enc_key=b"0123456789ABCDEF", enc_mode=mode)
    with pytest.raises(UserError, match="the checkpoint is encrypted; decrypt it with"):
        checkpoint.load_into(LeNet5(), path)


def _without(values, name):
    return {key: value for key, value in values.items() if key != name}


BAD_PARAMETERS = {
    "missing": (lambda v: _without(v, "fc2.bias"), r"expected a parameter 'fc2.bias' \(84,\)"),
    "only moments": (
        lambda v: {f"moments.{name}": value for name, value in v.items()},
        "expected a parameter 'conv1.weight'",
    ),
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
def test_bad_parameters_are_reported_and_nothing_is_loaded(tmp_path, change, message):
    net = LeNet5()
    before = _values(net)
    _save(tmp_path / "a.ckpt", change(_values(LeNet5())))
    with pytest.raises(UserError, match=message):
        checkpoint.load_into(net, tmp_path / "a.ckpt")
    _assert_equal(_values(net), before)


def _flip(content, at):
    """Returns the content with one bit of the byte `at` flipped."""
    return content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]


BAD_FILES = {
    "empty": (lambda content: b"", "the file is empty"),
    "cut": (lambda content: content[: len(content) // 2], "does not parse"),
    "text": (lambda content: b"not a checkpoint at all\n" * 40, "does not parse"),
    "zeros": (lambda content: bytes(1000), "does not parse"),
    "damaged": (lambda content: b"\xff" * 64 + content[64:], "does not parse"),
    "a name": (lambda content: content.replace(b"conv1.w", b"\nonv1.w", 1), "does not parse"),
    "a size": (lambda content: content.replace(b"\x06", b"\x7f", 1), "does not parse"),
    "one bit": (lambda content: _flip(content, 9000), "checksum differs"),
}


@pytest.mark.parametrize(("change", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_corrupted_file_is_reported(saved, tmp_path, change, message):
    content = saved[1].read_bytes()
    path = tmp_path / "bad.ckpt"
    path.write_bytes(change(content))
    with pytest.raises(UserError, match=message) as error:
        checkpoint.load_into(LeNet5(), path)
    assert str(path) in str(error.value)


def test_a_flipped_bit_anywhere_is_reported(saved, tmp_path):
    content = saved[1].read_bytes()
    path = tmp_path / "bad.ckpt"
    for at in np.random.default_rng(1).integers(len(content), size=100).tolist():
        path.write_bytes(_flip(content, at))
        with pytest.raises(UserError):
            checkpoint.read(path)


def test_a_damaged_file_with_mindspores_checksum_is_reported(tmp_path):
    path = tmp_path / "a.ckpt"
    ms.save_checkpoint(LeNet5(), str(path), crc_check=True)
    path.chmod(0o644)
    content = path.read_bytes()
    path.write_bytes(_flip(content, 9000))
    with pytest.raises(UserError, match="does not parse"):
        checkpoint.read(path)


def test_a_file_cut_anywhere_is_reported(saved, tmp_path):
    """Some of the truncated files parse but lack a parameter or the checksum."""
    content = saved[1].read_bytes()
    path = tmp_path / "bad.ckpt"
    net = LeNet5()
    for end in np.linspace(1, len(content) - 1, 50).astype(int):
        path.write_bytes(content[:end])
        with pytest.raises(UserError):
            checkpoint.load_into(net, path)


def test_another_ending_and_no_file_are_reported(tmp_path):
    (tmp_path / "model.mindir").write_bytes(b"x")
    with pytest.raises(UserError, match="ends in .ckpt"):
        checkpoint.read(tmp_path / "model.mindir")
    with pytest.raises(UserError, match="no such checkpoint"):
        checkpoint.read(tmp_path / "no.ckpt")


def _touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"")


def test_newest_is_by_number(tmp_path):
    _touch(
        tmp_path, "lenet.ckpt", "zzz.ckpt", ".a.tmp.checkpoint_lenet-99_1.ckpt", "other-99_9.txt"
    )
    assert checkpoint.newest(tmp_path) == tmp_path / "zzz.ckpt"
    for name in ("checkpoint_lenet-2_1875", "checkpoint_lenet-10_9", "checkpoint_lenet_1-10_10"):
        _touch(tmp_path, name + ".ckpt")
        assert checkpoint.newest(tmp_path) == tmp_path / f"{name}.ckpt"
    assert checkpoint.newest(tmp_path / "lenet.ckpt") == tmp_path / "lenet.ckpt"


def test_newest_of_nothing_is_reported(tmp_path):
    with pytest.raises(UserError, match="found none"):
        checkpoint.newest(tmp_path)
    with pytest.raises(UserError, match="no such checkpoint or folder"):
        checkpoint.newest(tmp_path / "nowhere")


@pytest.fixture
def full_disk():
    """Limits files to 1000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(saved, tmp_path, full_disk):
    net, path = saved
    before = path.read_bytes()
    with pytest.raises(OSError):
        checkpoint.save(_training_cell(net), path, STATE)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint_lenet-1_1.ckpt"]


def test_only_a_missing_default_is_replaced_by_the_model_of_the_build(
    tmp_path, monkeypatch, caplog
):
    built = tmp_path / "lenet.ckpt"
    monkeypatch.setattr(checkpoint.resources, "find", lambda _: built)
    default = tmp_path / "ckpt"
    assert checkpoint.newest_or_built(default, default) == built
    assert f"{default} does not exist; using the model that the build trains" in caplog.text
    with pytest.raises(UserError, match="no such checkpoint or folder"):
        checkpoint.newest_or_built(tmp_path / "other", default)
    default.mkdir()
    with pytest.raises(UserError, match="expected checkpoints"):
        checkpoint.newest_or_built(default, default)
