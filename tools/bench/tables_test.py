import pytest

from tools.bench import stats, tables


def test_table():
    assert tables.table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.8123, "0.812"),
        (3.4, "3.40"),
        (11.74, "11.7"),
        (99.96, "100"),
        (1320.4, "1320"),
        (0.00012, "0.00012"),
        (0, "0"),
        (60.0, "60.0"),
    ],
)
def test_number(value, text):
    assert tables.number(value).rstrip(".") == text


def test_spread():
    assert tables.spread(stats.summarize([1, 2, 4])) == "2.00 (1.00–4.00)"
    assert tables.spread(stats.summarize([2])) == "2.00"
    assert tables.spread(None) == tables.MISSING


def test_ratio_is_above_one_for_the_faster():
    slow, fast = stats.summarize([8.0]), stats.summarize([2.0])
    assert tables.ratio(slow, fast) == "4.00×"
    assert tables.ratio(None, fast) == tables.ratio(slow, None) == tables.MISSING


def test_percent():
    assert tables.percent(stats.summarize([0.98434])) == "98.43 %"
    assert tables.percent(None) == tables.MISSING
