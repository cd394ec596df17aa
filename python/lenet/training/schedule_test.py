import dataclasses

import numpy as np
import pytest

from lenet.errors import UserError
from lenet.options import config
from lenet.options.programs import TrainOptions
from lenet.training.schedule import Schedule, image_order, learning_rates


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


def test_schedule():
    options = config.default_options(TrainOptions, epoch_size=3, batch_size=8)
    schedule = Schedule(options, images=100, workers=2)
    assert (schedule.batch_size, schedule.steps_per_epoch, schedule.last) == (16, 6, 18)
    shorter = Schedule(dataclasses.replace(options, max_steps=9), images=100, workers=2)
    assert shorter.last == 9
    np.testing.assert_array_equal(shorter.rates(8, 1), schedule.rates(8, 1))
    assert [schedule.position(done) for done in (1, 6, 7)] == [(1, 1), (1, 6), (2, 1)]
    with pytest.raises(UserError, match="at most 7 for each of 2 workers, the 15 images"):
        Schedule(options, images=15, workers=2)
