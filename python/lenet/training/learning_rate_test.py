import numpy as np

from lenet.training import learning_rate


def test_without_decay_it_is_constant():
    assert learning_rate.rates(0.01, "none", 100, 98, 2).tolist() == [np.float32(0.01)] * 2


def test_cosine_goes_from_the_start_to_nearly_zero():
    rates = learning_rate.rates(0.02, "cosine", 100, 0, 100)
    assert rates.dtype == np.float32
    assert rates[0] == np.float32(0.02)
    np.testing.assert_allclose(rates[50], 0.01, rtol=1e-6)
    assert 0 < rates[-1] < 1e-5
    assert (np.diff(rates) < 0).all()


def test_parts_are_those_of_the_whole():
    whole = learning_rate.rates(0.02, "cosine", 100, 0, 100)
    np.testing.assert_array_equal(learning_rate.rates(0.02, "cosine", 100, 30, 7), whole[30:37])
