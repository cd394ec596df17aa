"""Separates the digits of a row, or refuses a picture in which they cannot be told apart.

cc/image/row.cc makes the same decisions, so all arithmetic is in integers. The shares below were
chosen on MNIST's test images. As photos, 70 of 10,000 are refused, most of them open zeros and
fours, and one is split. Of 500 rows of 2 to 6 of them with gaps of 15 to 60 % of the height, 97 %
are separated and the others refused. Of pairs that overlap by up to 6 % of the height, 69 % are
separated, 28 % are refused, and 2.4 % are read as one digit without a mark, half of them with a 1.
The last figure is 18 % if they overlap by 6 to 20 %.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from lenet.errors import UserError

# Shares, each a numerator and a denominator, of the height of the tallest stroke:
_WHOLE = (1, 2)  # a stroke of this height is a digit
_SURE = (3, 4)  # the same if another stroke is close
_CLOSE = (1, 6)  # columns between strokes that are close
_FAR = (1, 3)  # columns between a digit and a mark that does not belong to it
_LINE_SPACE = (1, 10)  # rows between strokes that belong to two rows of digits
_ENCLOSED = (1, 4)  # a stroke of this height inside of another one shows that the other is a frame
# Shares of the height of a digit:
_WIDE = (2, 1)  # no single digit is wider
# Digits touch in a column if one triple holds: minimum width of all ink, limit of the extent of the
# ink in that column, minimum height of the ink on each side of the column.
_TOUCHING = (((4, 5), (1, 3), (9, 10)), ((1, 1), (9, 20), (17, 20)), ((13, 10), (1, 3), (7, 10)))

_SEVERAL_ROWS = "several rows of digits, expected one: crop the picture to one row"


@dataclasses.dataclass
class Box:
    """A rectangle around pixels.

    Attributes:
        top, bottom, left, right: bounds, pixels; `bottom` and `right` are outside.
        strokes: numbers of the strokes in it.
    """

    top: int
    bottom: int
    left: int
    right: int
    strokes: tuple[int, ...]

    @classmethod
    def around(cls, slices: tuple[slice, slice], stroke: int = 0) -> "Box":
        """Returns the box of slices as scipy.ndimage.find_objects returns them."""
        rows, columns = slices
        return cls(rows.start, rows.stop, columns.start, columns.stop, (stroke,))

    @property
    def height(self) -> int:  # noqa: D102
        return self.bottom - self.top

    @property
    def width(self) -> int:  # noqa: D102
        return self.right - self.left

    def rows_between(self, other: "Box") -> int:
        """Returns the rows between two boxes, negative if they share rows."""
        return max(self.top, other.top) - min(self.bottom, other.bottom)

    def columns_between(self, other: "Box") -> int:
        """Returns the columns between two boxes, negative if they share columns."""
        return max(self.left, other.left) - min(self.right, other.right)

    def overlaps(self, other: "Box") -> bool:
        """Returns whether two boxes share pixels."""
        return self.rows_between(other) < 0 and self.columns_between(other) < 0

    def holds(self, other: "Box") -> bool:
        """Returns whether the other box is inside of this one."""
        return (
            self.rows_between(other) == -other.height
            and self.columns_between(other) == -other.width
        )

    def shares_columns(self, other: "Box") -> bool:
        """Returns whether two boxes share half of the columns of the narrower one."""
        return -2 * self.columns_between(other) >= min(self.width, other.width)

    def add(self, other: "Box") -> None:
        """Extends this box to the other one."""
        self.top, self.bottom = min(self.top, other.top), max(self.bottom, other.bottom)
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.strokes += other.strokes


def split(ink: np.ndarray, min_coverage: int) -> list[np.ndarray]:
    """Returns the ink of each digit, from left to right.

    A digit may consist of several strokes.

    Args:
        ink: uint8 [H, W], coverage, with at least one pixel above `min_coverage`.
        min_coverage: paler pixels do not connect strokes.

    Returns:
        uint8 [h, w] each, without margin.

    Raises:
        UserError: digits touch, are not in one row, or cannot be told from strokes; the message
            does not name the picture.
    """
    strokes, _ = ndimage.label(ink > min_coverage, np.ones((3, 3)))
    slices = ndimage.find_objects(strokes)
    digits = []
    for box in _digits([Box.around(found, number) for number, found in enumerate(slices, 1)]):
        part = np.s_[box.top : box.bottom, box.left : box.right]
        own = np.isin(strokes[part], [0, *box.strokes])
        digits.append(np.where(own, ink[part], 0))
        _require_one(digits[-1] > min_coverage)
    return digits


def check_in_line(boxes: list[Box]) -> None:
    """Checks that boxes, from left to right, are in one row."""
    for left, right in zip(boxes, boxes[1:], strict=False):
        if -2 * left.rows_between(right) < min(left.height, right.height):
            raise UserError(_SEVERAL_ROWS)


def _at_least(size: int, share: tuple[int, int], of: int) -> bool:
    return size * share[1] >= share[0] * of


def _digits(strokes: list[Box]) -> list[Box]:
    """Returns the digits that strokes form, from left to right."""
    tallest = max(stroke.height for stroke in strokes)
    strokes = sorted(strokes, key=lambda stroke: (stroke.left, stroke.top))
    digits: list[Box] = []
    marks: list[Box] = []
    for stroke in strokes:
        if any(other.holds(stroke) for other in strokes if other is not stroke) and _at_least(
            stroke.height, _ENCLOSED, tallest
        ):
            raise UserError("a frame around the ink: crop the picture to what is inside")
        if not _at_least(stroke.height, _WHOLE, tallest):
            marks.append(stroke)
            continue
        above = [digit for digit in digits if digit.shares_columns(stroke)]
        if not above:
            digits.append(dataclasses.replace(stroke))
        elif _at_least(above[0].rows_between(stroke), _LINE_SPACE, tallest):
            raise UserError(_SEVERAL_ROWS)
        else:
            above[0].add(stroke)
    check_in_line(digits)
    for left, right in zip(digits, digits[1:], strict=False):
        close = not _at_least(left.columns_between(right), _CLOSE, tallest)
        if close and not _at_least(min(left.height, right.height), _SURE, tallest):
            raise UserError("strokes that may be one digit or two: leave more space between digits")
    for mark in marks:
        nearest = min(digits, key=mark.columns_between)
        if _at_least(nearest.columns_between(mark), _FAR, tallest):
            raise UserError("a mark beside the digits: crop the picture to the digits")
        nearest.add(mark)
    return digits


def _require_one(ink: np.ndarray) -> None:
    """Raises an error if the ink, bool [h, w], looks like two digits that touch."""
    height, width = ink.shape
    rows = np.arange(height)[:, np.newaxis]
    top = np.where(ink, rows, height).min(axis=0)
    bottom = np.where(ink, rows + 1, 0).max(axis=0)
    left = np.maximum.accumulate(bottom) - np.minimum.accumulate(top)
    right = (np.maximum.accumulate(bottom[::-1]) - np.minimum.accumulate(top[::-1]))[::-1]
    touching = not _at_least(height, (1, _WIDE[0]), width)
    for wide, joint, sides in _TOUCHING:
        for column in range(1, width - 1) if _at_least(width, wide, height) else ():
            touching |= not _at_least(bottom[column] - top[column], joint, height) and _at_least(
                min(left[column - 1], right[column + 1]), sides, height
            )
    if touching:
        raise UserError("digits that touch each other: leave space between digits")
