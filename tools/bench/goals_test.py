import pytest

from tools.bench import goals
from tools.bench.goals import Goal


@pytest.mark.parametrize(
    ("measured", "at_least", "met"),
    [
        (0.85, False, True),
        (0.86, False, False),
        (0.85, True, True),
        (0.84, True, False),
        (None, False, None),
        (None, True, None),
    ],
)
def test_met(measured, at_least, met):
    assert Goal("x", 0.85, measured, at_least).met() is met


def test_table():
    text = goals.table(
        [
            Goal("time, ms", 0.85, 0.5),
            Goal("accuracy", 0.989, 0.98, at_least=True, shown=goals.share),
            Goal("ratio", 4, None, at_least=True, shown=goals.times),
        ]
    )
    assert text.splitlines()[2:] == [
        "| time, ms | ≤ 0.850 | 0.500 | yes |",
        "| accuracy | ≥ 98.90 % | 98.00 % | **no** |",
        "| ratio | ≥ 4.00× | not measured | – |",
    ]
