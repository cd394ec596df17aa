import numpy as np

from lenet.training import batches


def test_an_epoch_shows_every_image_once():
    order = batches.order(60, 8, seed=1, epoch=1)
    assert order.shape == (7, 8)
    assert len(np.unique(order)) == 56
    assert order.min() >= 0
    assert order.max() < 60


def test_seed_and_epoch_decide_the_order():
    first = batches.order(60, 8, seed=1, epoch=1)
    np.testing.assert_array_equal(first, batches.order(60, 8, seed=1, epoch=1))
    assert not np.array_equal(first, batches.order(60, 8, seed=1, epoch=2))
    assert not np.array_equal(first, batches.order(60, 8, seed=2, epoch=1))


def test_the_order_is_the_same_tomorrow():
    order = batches.order(10, 5, seed=1, epoch=1)
    assert order.tolist() == [[7, 2, 4, 6, 1], [0, 3, 5, 9, 8]]
