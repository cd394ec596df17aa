import mindspore as ms
import numpy as np
import pytest

from lenet import devices
from lenet.data import idx, transform
from lenet.kernels import train_steps
from lenet.model.lenet5 import LeNet5
from lenet.training import batches, learning_rate
from lenet.training.trainer import FusedTrainer, OperatorTrainer, TrainingSet

LR = 0.01
MOMENTUM = 0.9
STEPS = 100


@pytest.fixture(autouse=True, scope="module")
def _context():
    devices.set_context("CPU")


@pytest.fixture(scope="module")
def data():
    """The first 6,400 images of MNIST."""
    train = idx.read_split("", "train")
    images = transform.resize(train.images[:6400], 32, 32)
    return TrainingSet(images, train.labels[:6400].astype(np.int32))


def _net(size=(32, 32)):
    ms.set_seed(1)
    return LeNet5(image_height=size[0], image_width=size[1])


def _order(data, steps, batch=32):
    return batches.order(len(data.images), batch, seed=1, epoch=1)[:steps]


def _train(trainer, order):
    rates = learning_rate.rates(LR, "cosine", 1000, 0, len(order))
    parts = [
        slice(first, first + trainer.steps_per_call)
        for first in range(0, len(order), trainer.steps_per_call)
    ]
    return np.concatenate([trainer.train(order[part], rates[part]) for part in parts])


def _values(trainer):
    return {param.name: param.asnumpy().copy() for param in trainer.cell.get_parameters()}


def _fused(data, threads=1, size=(32, 32)):
    return FusedTrainer(_net(size), data, MOMENTUM, threads)


def _operators(data, size=(32, 32), sink_size=1, **changes):
    return OperatorTrainer(_net(size), data, MOMENTUM, sink_size=sink_size, **changes)


def test_fused_kernels_train_as_mindspore_does(data):
    fused, operators = _fused(data), _operators(data)
    order = _order(data, STEPS)
    losses = _train(operators, order)
    np.testing.assert_allclose(_train(fused, order), losses, atol=1e-3)
    left, right = _values(fused), _values(operators)
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_allclose(value, right[name], atol=2e-3, err_msg=name)


def test_steps_of_operators_are_the_same_in_one_launch(data):
    one, many = _operators(data), _operators(data, sink_size=8)
    order = _order(data, 20)  # the last launch is not full
    np.testing.assert_array_equal(_train(one, order), _train(many, order))
    left, right = _values(one), _values(many)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.tobytes() == right[name].tobytes(), name


def test_mixed_precision_learns_what_float32_does(data):
    mixed, plain = _operators(data, sink_size=50, mixed_precision=True), _operators(data)
    order = _order(data, STEPS)
    losses = _train(mixed, order)
    np.testing.assert_allclose(losses, _train(plain, order), atol=5e-3)
    for name, value in _values(mixed).items():
        assert value.dtype != np.float16, name  # updates too small for half precision are kept


def test_checkpoints_do_not_hold_the_data(data):
    names = {param.name for param in _operators(data).cell.get_parameters()}
    assert "fc1.weight" in names
    assert not names & {"images", "labels"}


def test_fused_kernels_learn(data):
    trainer = _fused(data)
    for epoch in range(1, 5):
        losses = _train(trainer, batches.order(len(data.images), 32, seed=1, epoch=epoch))
    assert np.mean(losses[-50:]) < 0.5


@pytest.mark.parametrize("batch", [1, 3, 31, 33, 257])
def test_one_step_of_any_batch_is_that_of_mindspore(data, batch):
    fused, operators = _fused(data), _operators(data)
    order = _order(data, 1, batch)
    np.testing.assert_allclose(_train(fused, order), _train(operators, order), rtol=1e-5)
    _assert_close(_values(fused), _values(operators), rtol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (29, 37)])
def test_one_step_of_any_image_size_is_that_of_mindspore(data, size):
    sized = TrainingSet(transform.resize(data.images[:32], *size), data.labels[:32])
    fused, operators = _fused(sized, size=size), _operators(sized, size=size)
    order = np.arange(32, dtype=np.int32)[np.newaxis]
    np.testing.assert_allclose(_train(fused, order), _train(operators, order), rtol=1e-5)
    _assert_close(_values(fused), _values(operators), rtol=1e-5)


def _assert_close(left, right, rtol):
    """Relative to the largest number of each array: what is nearly zero is rounding."""
    assert left.keys() == right.keys()
    for name, value in left.items():
        scale = np.abs(right[name]).max()
        np.testing.assert_allclose(value, right[name], atol=rtol * scale, rtol=0, err_msg=name)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_threads_do_not_change_a_bit(data, threads):
    one, many = _fused(data), _fused(data, threads)
    order = _order(data, 20)
    np.testing.assert_array_equal(_train(one, order), _train(many, order))
    left, right = _values(one), _values(many)
    for name, value in left.items():
        assert value.tobytes() == right[name].tobytes(), name


def test_calls_of_any_length_train_the_same(data):
    once, parts = _fused(data), _fused(data)
    order = _order(data, 20)
    rates = learning_rate.rates(LR, "none", 20, 0, 20)
    losses = once.train(order, rates)
    np.testing.assert_array_equal(
        losses,
        np.concatenate([parts.train(order[a:b], rates[a:b]) for a, b in ((0, 1), (1, 8), (8, 20))]),
    )
    assert _values(once)["fc1.weight"].tobytes() == _values(parts)["fc1.weight"].tobytes()


def test_many_steps_are_one_launch(data, monkeypatch):
    """The guard of the speed: a launch costs as much as three steps."""
    launches = []
    launch = train_steps.TrainSteps.__call__
    monkeypatch.setattr(
        train_steps.TrainSteps, "__call__", lambda *args: launches.append(1) or launch(*args)
    )
    trainer = _fused(data)
    assert trainer.steps_per_call >= 100
    _train(trainer, _order(data, trainer.steps_per_call))
    assert len(launches) == 1


def test_indices_out_of_range_are_refused(data):
    trainer = _fused(data)
    before = _values(trainer)
    for index in (-1, len(data.images)):
        with pytest.raises(RuntimeError):
            _train(trainer, np.full((1, 32), index, np.int32))
    for name, value in _values(trainer).items():
        np.testing.assert_array_equal(value, before[name])
