import numpy as np
import pytest

from lenet.errors import UserError
from lenet.prediction import row


def _ink(*boxes):
    """Coverage of 200x400 with strokes (top, left, height, width)."""
    ink = np.zeros((200, 400), np.uint8)
    for top, left, height, width in boxes:
        ink[top : top + height, left : left + width] = 255
    return ink


ONE = (50, 40, 100, 12)
OTHER = (50, 100, 100, 20)
FRAME = [(50, 20, 4, 300), (146, 20, 4, 300), (50, 20, 100, 4), (50, 316, 100, 4)]
U = [(50, 40, 100, 30), (50, 130, 100, 30), (130, 40, 20, 120)]  # two ones that touch below
H = [(50, 40, 100, 20), (50, 110, 100, 20)]  # two ones that a bar can join
HIGH_AND_LOW = [(50, 40, 100, 60), (80, 120, 70, 60)]


@pytest.mark.parametrize(
    ("boxes", "sizes"),
    [
        ([ONE], [(100, 12)]),
        ([OTHER, ONE, (60, 180, 90, 40)], [(100, 12), (100, 20), (90, 40)]),
        ([ONE, (50, 54, 100, 20)], [(100, 12), (100, 20)]),  # close, but each is tall
        ([ONE, (90, 80, 60, 30)], [(100, 12), (60, 30)]),  # less tall, but not close
        ([ONE, (20, 100, 100, 12), (50, 160, 100, 12)], [(100, 12)] * 3),  # a wavy line
        ([(50, 40, 12, 80), (70, 44, 80, 12)], [(100, 80)]),  # the bar of a 5
        ([(50, 40, 50, 30), (60, 60, 90, 30)], [(100, 50)]),  # a 4 in two strokes
        ([(50, 40, 12, 80), (70, 44, 80, 12), (50, 200, 99, 30)], [(100, 80), (99, 30)]),
        ([ONE, OTHER, (140, 130, 8, 8)], [(100, 12), (100, 38)]),  # a tail
        ([U[0], U[2]], [(100, 120)]),  # an L
        ([*H, (80, 60, 40, 50)], [(100, 90)]),
        ([*HIGH_AND_LOW, (110, 100, 40, 20)], [(100, 140)]),
    ],
)
def test_digits_are_found_from_left_to_right(boxes, sizes):
    ink = _ink(*boxes)
    digits = row.split(ink, 51)
    assert [digit.shape for digit in digits] == sizes
    assert sum(int(digit.sum()) for digit in digits) == int(ink.sum())


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        (U, "digits that touch"),
        ([*U, (50, 250, 100, 20)], "digits that touch"),
        ([*H, (90, 60, 20, 50)], "digits that touch"),
        ([*HIGH_AND_LOW, (130, 100, 20, 20)], "digits that touch"),
        ([(50, 40, 40, 100)], "digits that touch"),
        ([ONE, (90, 60, 60, 30)], "one digit or two"),
        ([(0, 40, 80, 12), (100, 40, 80, 12)], "several rows"),
        ([(0, 40, 80, 12), (0, 160, 80, 12), (100, 100, 80, 12)], "several rows"),
        ([ONE, (10, 70, 60, 30)], "several rows"),  # an exponent
        ([ONE, OTHER, (95, 160, 8, 40)], "a mark beside"),
        ([*FRAME, (70, 60, 60, 20)], "a frame around"),
        ([*FRAME, (70, 60, 60, 20), (70, 200, 60, 20)], "a frame around"),
    ],
)
def test_what_may_be_one_digit_or_two_is_refused(boxes, reason):
    for ink in (_ink(*boxes), _ink(*boxes)[:, ::-1]):
        with pytest.raises(UserError, match=reason):
            row.split(ink, 51)


def test_a_digit_has_no_ink_of_its_neighbours():
    ink = np.zeros((100, 200), np.uint8)
    for y in range(100):  # two slanted ones, whose boxes overlap
        ink[y, 90 - y // 2 : 100 - y // 2] = 200
        ink[y, 120 - y // 2 : 130 - y // 2] = 100
    assert [np.unique(digit).tolist() for digit in row.split(ink, 51)] == [[0, 200], [0, 100]]
