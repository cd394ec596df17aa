from tools.bench import stats
from tools.bench.stats import Summary


def test_median_and_spread():
    assert stats.summarize([5, 1, 2, 9, 3]) == Summary(5, 3, 1, 9, 2)


def test_even_counts_take_the_middle_of_two():
    assert stats.summarize([1, 2, 3, 10]) == Summary(4, 2.5, 1, 10, 1)


def test_one_sample():
    assert stats.summarize([7.0]) == Summary(1, 7, 7, 7, 0)
