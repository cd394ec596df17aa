import numpy as np
import pytest

from lenet.errors import UserError
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.training.schedule import Schedule, image_order, learning_rates
from lenet.training.workers import Workers


def test_an_epoch_shows_every_image_once():
    order = image_order(60, 8, seed=1, epoch=1)
    assert order.shape == (7, 8)
    assert len(np.unique(order)) == 56
    assert order.min() >= 0
    assert order.max() < 60


def test_the_order_depends_on_seed_and_epoch_only():
    order = image_order(10, 5, seed=1, epoch=1)
    assert order.tolist() == [[7, 2, 4, 6, 1], [0, 3, 5, 9, 8]]
    assert not np.array_equal(order, image_order(10, 5, seed=1, epoch=2))
    assert not np.array_equal(order, image_order(10, 5, seed=2, epoch=1))


def test_learning_rates():
    assert learning_rates(0.01, "none", 100, 98, 2).tolist() == [np.float32(0.01)] * 2
    rates = learning_rates(0.02, "cosine", 100, 0, 100)
    assert rates.dtype == np.float32
    assert rates[0] == np.float32(0.02)
    np.testing.assert_allclose(rates[50], 0.01, rtol=1e-6)
    assert 0 < rates[-1] < 1e-5
    assert (np.diff(rates) < 0).all()
    np.testing.assert_array_equal(learning_rates(0.02, "cosine", 100, 30, 7), rates[30:37])


def _schedule(images, workers=1, **changes):
    options = config.default_options(TrainOptions, epoch_size=3, batch_size=8, **changes)
    return Schedule(options, images, Workers(workers - 1, workers))


def test_schedule():
    whole = _schedule(100, workers=2)
    assert (whole.batch_size, whole.steps_per_epoch, whole.last) == (16, 6, 18)
    shorter = _schedule(100, workers=2, max_steps=9)
    assert shorter.last == 9
    np.testing.assert_array_equal(shorter.rates(8, 1), whole.rates(8, 1))
    assert [whole.position(done) for done in (1, 6, 7)] == [(1, 1), (1, 6), (2, 1)]
    epoch = image_order(100, 16, seed=3, epoch=2)
    np.testing.assert_array_equal(whole.order(8, 3), epoch[2:5, 8:])
    with pytest.raises(UserError, match="at most 7 for each of 2 workers, the 15 images"):
        _schedule(15, workers=2)


@pytest.mark.parametrize(
    ("changes", "first", "pauses", "size"),
    [
        ({}, 0, [12, 24, 36], 6),
        ({}, 7, [12, 24, 36], 1),
        ({"save_checkpoint_steps": 9}, 0, [9, 12, 18, 24, 27, 36], 3),
        ({"save_checkpoint_steps": 9, "max_steps": 8}, 4, [8], 4),
        ({"max_steps": 35}, 0, [12, 24, 35], 1),
    ],
)
def test_launches_end_at_each_pause(changes, first, pauses, size):
    """A pause is the end of an epoch or of the run, or a checkpoint."""
    schedule = _schedule(100, **changes)
    found = [first + schedule.steps_to_pause(first)]
    while found[-1] < schedule.last:
        found.append(found[-1] + schedule.steps_to_pause(found[-1]))
    assert found == pauses
    assert schedule.launch_size(first, 10) == size
    assert schedule.launch_size(first, 1) == 1
