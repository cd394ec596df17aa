import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from lenet import devices
from lenet.data import idx, transform
from lenet.kernels import operators
from lenet.model import checkpoint
from lenet.model.lenet5 import LeNet5
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.training import schedule
from lenet.training.schedule import Schedule
from lenet.training.trainer import FusedTrainer, OperatorTrainer, TrainingSet
from lenet.training.workers import Workers

MOMENTUM = 0.9
STEPS = 60
TOTAL = 1000


@pytest.fixture(scope="module")
def data():
    """The first 6,400 images of MNIST."""
    devices.set_context("CPU")
    train = idx.read_split("", "train")
    images = transform.resize(train.images[:6400], 32, 32)
    return TrainingSet(images, train.labels[:6400].astype(np.int32))


def _net(size=(32, 32)):
    ms.set_seed(1)
    return LeNet5(image_height=size[0], image_width=size[1])


def _fused(data, threads=1, size=(32, 32)):
    return FusedTrainer(_net(size), data, MOMENTUM, threads)


def _operators(data, size=(32, 32), sink_size=1, **changes):
    rates = schedule.learning_rates(0.01, "cosine", TOTAL, 0, TOTAL)
    return OperatorTrainer(_net(size), data, rates, MOMENTUM, sink_size=sink_size, **changes)


class _Steps(Schedule):
    """Steps with a given image order, of a run of TOTAL steps."""

    def __init__(self, order):
        options = config.default_options(TrainOptions, max_steps=len(order), epoch_size=1)
        super().__init__(options, TOTAL * options.batch_size, Workers())
        self._order = order

    def order(self, first, steps):
        return self._order[first : first + steps]


def _order(data, steps, batch=32):
    return schedule.image_order(len(data.images), batch, seed=1, epoch=1)[:steps]


def _train(trainer, order, first=0):
    """Returns the losses of the steps after `first` ones."""
    losses = []
    trainer.train(_Steps(order), first, lambda _, some: losses.extend(some))
    return np.array(losses)


def _values(trainer):
    """Returns what a checkpoint holds; it replaces the learning rate by that of the last step."""
    params = trainer.cell.get_parameters()
    return {p.name: p.asnumpy().copy() for p in params if p.name != "learning_rate"}


def _assert_identical(left, right):
    left, right = _values(left), _values(right)
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert value.tobytes() == right[name].tobytes(), name


def _assert_close(left, right, tolerance):
    """Compares relative to the largest number of each array."""
    left, right = _values(left), _values(right)
    assert left.keys() == right.keys()
    for name, value in left.items():
        atol = tolerance * np.abs(right[name]).max()
        np.testing.assert_allclose(value, right[name], atol=atol, rtol=0, err_msg=name)


def test_all_trainers_train_alike(data):
    operators_, fused = _operators(data), _fused(data)
    sunk, mixed = (
        _operators(data, sink_size=8),
        _operators(data, sink_size=50, mixed_precision=True),
    )
    order = _order(data, STEPS)
    losses = _train(operators_, order)
    np.testing.assert_allclose(_train(fused, order), losses, atol=1e-3)
    _assert_close(fused, operators_, 1e-2)
    np.testing.assert_array_equal(_train(sunk, order), losses)
    _assert_identical(sunk, operators_)
    np.testing.assert_allclose(_train(mixed, order), losses, atol=5e-3)
    for name, value in _values(mixed).items():
        assert value.dtype != np.float16, name  # float32 keeps small updates
    names = _values(operators_)
    assert "fc1.weight" in names
    assert not names.keys() & {"images", "labels"}  # a checkpoint does not hold the data


def test_a_run_of_mindspores_operators_continues_at_any_step(data):
    """Image order and learning rate are those of the step."""
    order = _order(data, 20)
    whole, parts = _operators(data), _operators(data)
    losses = [_train(parts, order[:end], first) for first, end in ((0, 7), (7, 20))]
    np.testing.assert_array_equal(_train(whole, order), np.concatenate(losses))
    _assert_identical(whole, parts)


def _sink(self, launches, batches, callbacks, dataset_sink_mode, sink_size):
    """Does what Model.train does with a sink: one call of the callbacks per launch."""
    assert dataset_sink_mode
    context = ms.train.RunContext({})
    iterator = batches.create_tuple_iterator(num_epochs=1)
    for _ in range(launches):
        for _ in range(sink_size):
            context.original_args()["net_outputs"] = self.train_network(*next(iterator))
        callbacks.on_train_step_end(context)
        if context.get_stop_requested():
            return
    assert next(iterator, None) is None


def test_with_a_sink_the_last_loss_of_each_launch_is_reported(data, monkeypatch):
    """This machine has no device with a sink."""
    plain, sunk, stopped = (_operators(data, sink_size=8) for _ in range(3))
    order = _order(data, 20)
    losses = _train(plain, order)
    monkeypatch.setattr(ms, "get_context", lambda _: "Ascend")
    monkeypatch.setattr(ms.Model, "train", _sink)
    np.testing.assert_array_equal(_train(sunk, order), losses[4::5])
    _assert_identical(sunk, plain)
    reports = []

    def report(*launch):
        reports.append(launch)
        return len(reports) == 2

    stopped.train(_Steps(order), 0, report)
    assert reports == [(5, losses[4:5]), (5, losses[9:10])]


def test_fused_kernels_learn(data):
    trainer = _fused(data)
    for epoch in range(1, 5):
        losses = _train(trainer, schedule.image_order(len(data.images), 32, seed=1, epoch=epoch))
    assert np.mean(losses[-50:]) < 0.5


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (1, (32, 32)),
        (3, (32, 32)),
        (31, (16, 16)),
        (33, (29, 37)),
        (257, (32, 32)),
        (32, (28, 28)),
    ],
)
def test_one_fused_step_of_any_size_equals_mindspores(data, batch, size):
    sized = TrainingSet(transform.resize(data.images[:batch], *size), data.labels[:batch])
    fused, operators_ = _fused(sized, size=size), _operators(sized, size=size)
    order = np.arange(batch, dtype=np.int32)[np.newaxis]
    np.testing.assert_allclose(_train(fused, order), _train(operators_, order), rtol=1e-5)
    _assert_close(fused, operators_, 1e-5)


def test_threads_and_launches_do_not_change_a_bit(data):
    one = _fused(data)
    order = _order(data, 20)
    losses = _train(one, order)
    for threads in (2, 3, 8):
        many = _fused(data, threads)
        np.testing.assert_array_equal(losses, _train(many, order))
        _assert_identical(one, many)
    parts = _fused(data)
    launches = [_train(parts, order[:end], first) for first, end in ((0, 1), (1, 8), (8, 20))]
    np.testing.assert_array_equal(losses, np.concatenate(launches))
    _assert_identical(one, parts)


def test_many_steps_per_launch(data, monkeypatch):
    """Launches must stay few, because one takes as long as three steps."""
    launches = []
    launch = operators.TrainSteps.__call__

    def count(*args):
        launches.append(args)
        return launch(*args)

    monkeypatch.setattr(operators.TrainSteps, "__call__", count)
    _train(_fused(data), _order(data, 100))
    assert len(launches) == 1


def test_indices_out_of_range_are_rejected(data):
    trainer = _fused(data)
    before = _values(trainer)
    for index in (-1, len(data.images)):
        with pytest.raises(RuntimeError):
            _train(trainer, np.full((1, 32), index, np.int32))
    for name, value in _values(trainer).items():
        np.testing.assert_array_equal(value, before[name])


def test_a_checkpoint_of_modelcheckpoint_continues(data, tmp_path):
    """The original scripts write such files, with the optimizer state."""
    net = _net()
    loss = nn.SoftmaxCrossEntropyWithLogits(sparse=True, reduction="mean")
    optimizer = nn.Momentum(net.trainable_params(), 0.01, MOMENTUM)
    model = ms.Model(net, loss, optimizer, amp_level="O0")
    images = np.random.default_rng(0).normal(size=(8, 1, 32, 32)).astype(np.float32)
    batches = ms.dataset.NumpySlicesDataset((images, np.arange(8, dtype=np.int32)), shuffle=False)
    settings = ms.train.CheckpointConfig(save_checkpoint_steps=2, keep_checkpoint_max=10)
    writer = ms.train.ModelCheckpoint("checkpoint_lenet", str(tmp_path), settings)
    model.train(2, batches.batch(4), callbacks=[writer], dataset_sink_mode=False)
    path = checkpoint.newest(tmp_path)
    assert path == tmp_path / "checkpoint_lenet-2_2.ckpt"
    for trainer in (_operators(data), _fused(data)):
        found = checkpoint.load_into(_net(), path)
        assert trainer.load_state(found) == []
        moments = {name for name in found if name.startswith("moments.")}
        values = _values(trainer)
        for name in moments:
            np.testing.assert_array_equal(values[name], found[name].asnumpy())
        del found["moments.fc1.weight"]
        assert trainer.load_state(found) == ["moments.fc1.weight"]
