"""Converts a picture of a digit to the form of MNIST's images.

MNIST's digits are light on dark, fit into 20x20 pixels, and have their centre of mass in the
middle of 28x28 pixels. A network trained on MNIST expects this form.

cc/image/digit.cc computes the same bytes, so all arithmetic is in integers.
"""

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from lenet.data import transform
from lenet.errors import UserError
from lenet.prediction import row

_BOX = 20  # pixels, the longer side of the ink
_CANVAS = 28  # pixels
_MNIST_SIZES = (28, 32)  # pixels, of MNIST and of //python:preprocess

_MIN_CONTRAST = 32  # gray levels between ink and paper
_MIN_INK = 4  # pixels
_MIN_COVERAGE = 51  # of 255; paler pixels do not count for the size of the digit
_MAX_SHADING = 96  # gray levels between the lightest and the darkest paper
_MIN_SHEET = 3  # percent of the picture
_RECTANGULAR = 85  # percent of the smallest rectangle around it; a filled 0 or 8 has about 78
_WHOLE = 95  # percent of the picture; the rest are strokes at its edge, not a table around it
_SMALL_SHEET = 20  # percent of the picture; a table's cell, but not the inside of a dotted zero
_EXACT = 95  # as _RECTANGULAR for small sheets
_SHEET_INK = (5, 450)  # per mille of a sheet that its marks take, with what they enclose
_STROKE = 2  # a stroke at the edge is the digit if it is so many times as large as any other
_SPECK = 50  # a speck is so many times smaller than the largest stroke
_FAR_SPECK = 4  # the same outside of the box of the largest stroke and a quarter around it
_MARK = 20  # a stroke beside the digit is no speck if it is at least 1/20 as large
_LINE = 10  # width by height of a ruled line; no digit has it
_PHOTO_SIDE = 64  # pixels; the strokes of a smaller picture are too thin to filter
_MAX_NESTED = 4  # a cell in a table on a sheet on a desk
_DIRECTIONS = [(16, step) for step in range(17)] + [(step, 16) for step in range(1, 16)]


def most_contrast(planes: list[np.ndarray]) -> np.ndarray:
    """Returns the gray plane, or a colour channel with more than twice its contrast.

    Args:
        planes: as lenet.prediction.picture.read returns them, gray first.
    """
    contrasts = [int(np.ptp(_median_filtered(plane))) for plane in planes]
    best = int(np.argmax(contrasts))
    return planes[best] if contrasts[best] > 2 * contrasts[0] else planes[0]


def to_mnist(gray: np.ndarray, invert: str) -> np.ndarray:
    """Returns the image of the only digit in a picture, see `row_to_mnist`.

    Raises:
        UserError: as `row_to_mnist`, or several digits.
    """
    images = row_to_mnist(gray, invert)
    if len(images) > 1:
        raise UserError(f"{len(images)} digits in one picture, expected one")
    return images[0]


def row_to_mnist(gray: np.ndarray, invert: str) -> list[np.ndarray]:
    """Converts the digits in a picture, from left to right, to the form of MNIST's images.

    Only the innermost sheets, frames or table cells with ink in them are used.

    Args:
        gray: uint8 [H, W].
        invert: "yes" if ink is darker than paper, "no" if it is lighter, "auto" to detect it from
            the border of the picture, which is paper.

    Returns:
        uint8 [28, 28] each. A picture that already has the form of MNIST, 28x28 or 32x32, is
        unchanged.

    Raises:
        UserError: no digit, or digits that cannot be separated (see lenet.prediction.row); the
            message does not name the picture.
    """
    cells = _innermost_sheets(gray, _MAX_NESTED)
    return [image for cell in cells for image in _cell_to_mnist(*cell, invert)]


def _cell_to_mnist(gray: np.ndarray, smooth: np.ndarray, invert: str) -> list[np.ndarray]:
    light_paper = 2 * _median(_border(smooth)) > int(smooth.min()) + int(smooth.max())
    if invert == "yes" or (invert == "auto" and light_paper):
        gray, smooth = 255 - gray, 255 - smooth
    ink = _ink(smooth, "" if invert == "auto" else "; is --invert right?")
    if min(gray.shape) >= _PHOTO_SIDE:
        ink = _without_marks(ink)
    rows, columns = (np.flatnonzero((ink > _MIN_COVERAGE).any(axis=axis)) for axis in (1, 0))
    if _is_mnist_like(gray, ink, 1 + int(max(np.ptp(rows), np.ptp(columns)))):
        return [gray]
    return [_centred(_fitted(digit)) for digit in row.split(ink, _MIN_COVERAGE)]


def _innermost_sheets(gray: np.ndarray, depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the pixels of the innermost sheets, as stored and smooth, uint8 [h, w] each."""
    smooth = _smooth(gray)
    sheets = _sheets(smooth) if depth else []
    if not sheets:
        return [(gray, smooth)]
    row.check_in_line([row.Box.around(bounds) for bounds, _ in sheets])
    found = []
    for bounds, inside in sheets:
        paper = np.uint8(_median(smooth[bounds][inside]))
        found += _innermost_sheets(np.where(inside, gray[bounds], paper), depth - 1)
    return found


def _sheets(smooth: np.ndarray) -> list[tuple[tuple[slice, slice], np.ndarray]]:
    """Returns bounds and pixels, bool [h, w], of the rectangular sheets with ink on them.

    They are in the order of their left edges. A sheet around another one is left out.
    """
    if min(smooth.shape) < _PHOTO_SIDE or np.ptp(smooth) < _MIN_CONTRAST:
        return []
    light = smooth > _otsu(smooth)
    found = []
    cells = []
    for side in (light, ~light):
        regions, _ = ndimage.label(side)
        boxes = ndimage.find_objects(regions)
        large = 100 * np.bincount(regions.ravel())[1:] > _MIN_SHEET * side.size
        for number in np.flatnonzero(large):
            region = regions[boxes[number]] == number + 1
            filled = ndimage.binary_fill_holes(region)
            area = int(filled.sum())
            cells.append((side is light, row.Box.around(boxes[number]), filled))
            marks = 1000 * (area - int(region.sum()))
            exact = 100 * area < _SMALL_SHEET * side.size
            if (
                (region.shape != smooth.shape or 100 * area < _WHOLE * smooth.size)
                and _SHEET_INK[0] * area < marks < _SHEET_INK[1] * area
                and _is_rectangular(filled, area, _EXACT if exact else _RECTANGULAR)
            ):
                found.append((area, *cells[-1]))
    innermost: list[tuple[bool, row.Box, np.ndarray]] = []
    for _, *sheet in sorted(found, key=lambda sheet: sheet[0]):
        if not any(sheet[1].overlaps(smaller) for _, smaller, _ in innermost):
            innermost.append((sheet[0], sheet[1], sheet[2]))
    _check_boxes(cells, innermost)
    margin = max(2, max(smooth.shape) // 100)  # its edge is neither paper nor ink
    sheets = []
    for _, box, filled in innermost:
        mask = np.zeros(smooth.shape, bool)
        mask[box.top : box.bottom, box.left : box.right] = filled
        inside = ndimage.binary_erosion(mask, iterations=margin, border_value=1)
        left = ndimage.find_objects(inside.astype(np.int8))
        if left and min(part.stop - part.start for part in left[0]) >= _PHOTO_SIDE // 2:
            sheets.append((left[0], inside[left[0]]))
    return sorted(sheets, key=lambda sheet: sheet[0][1].start)


def _check_boxes(
    cells: list[tuple[bool, row.Box, np.ndarray]], sheets: list[tuple[bool, row.Box, np.ndarray]]
) -> None:
    """Raises an error if the ink in a row of boxes reaches a line, which hides it.

    Args:
        cells: all large regions: whether they are light, box, and pixels without holes.
        sheets: the regions with ink on them.
    """
    for light, box, filled in sheets:
        for other_light, other, other_filled in cells:
            beside = -5 * box.rows_between(other) >= 4 * max(box.height, other.height)
            if light != other_light or not beside or box.overlaps(other):
                continue
            for inside in (filled, other_filled):
                top, left = (side // 5 for side in inside.shape)
                height, width = inside.shape
                if not inside[top : height - top, left : width - left].all():
                    raise UserError("ink on the lines of a box: crop the picture to one digit")


def _is_rectangular(region: np.ndarray, area: int, percent: int) -> bool:
    """Returns whether a region without holes fills so much of a rectangle of any angle."""
    rows, columns = np.nonzero(region & ~ndimage.binary_erosion(region))
    for x, y in _DIRECTIONS:
        sides = np.ptp(rows * y + columns * x), np.ptp(rows * x - columns * y)
        around = int(sides[0] + x + y) * int(sides[1] + x + y)
        if 100 * area * (x * x + y * y) > percent * around:
            return True
    return False


def _without_marks(ink: np.ndarray) -> np.ndarray:
    """Removes specks, ruled lines, and strokes that reach the edge if a digit is inside."""
    strokes, count = ndimage.label(ink > _MIN_COVERAGE, np.ones((3, 3)))
    boxes = [[(part.start, part.stop) for part in box] for box in ndimage.find_objects(strokes)]
    rows, columns = np.array(boxes, int).reshape(-1, 2, 2).transpose(1, 2, 0)
    sizes = np.bincount(strokes.ravel(), minlength=count + 1)[1:]
    ruled = columns[1] - columns[0] > _LINE * (rows[1] - rows[0])
    if not ruled.all():
        sizes = sizes * ~ruled
    at_edge = np.isin(np.arange(1, count + 1), _border(strokes))
    inner, outer = sizes * ~at_edge, sizes * at_edge
    kept = inner if _STROKE * inner.max() >= outer.max() else sizes
    digit = kept.argmax()
    height = np.ptp(rows[:, digit])
    heights = rows[1] - rows[0]
    shared = np.minimum(rows[1], rows[1, digit]) - np.maximum(rows[0], rows[0, digit])
    like_digit = (2 * heights >= height) & (2 * heights <= 3 * height) & (2 * shared >= heights)
    if ((_FAR_SPECK * (sizes - kept) >= kept.max()) & like_digit).any():
        raise UserError("a digit is cut off at the edge: crop the picture or leave a margin")
    far = np.zeros(count, bool)
    for first, last in (rows, columns):
        near = max(height, np.ptp(columns[:, digit])) // 4
        far |= (last < first[digit] - near) | (first > last[digit] + near)
    in_row = (5 * heights >= height) & (2 * shared >= heights) & (_MARK * kept >= kept.max())
    far &= ~like_digit & ~in_row
    removed = kept * np.where(far, _FAR_SPECK, _SPECK) < kept.max()
    return np.where(np.append(False, removed)[strokes], 0, ink)


def _smooth(gray: np.ndarray) -> np.ndarray:
    """Removes noise and even shading from a photo, uint8 [H, W]."""
    if min(gray.shape) < _PHOTO_SIDE:
        return gray
    smooth = _median_filtered(gray)
    paper = _median(_border(smooth))
    flat = smooth.astype(int)
    for sides in (smooth.T, smooth):  # from left to right, from top to bottom
        first, last = _median(sides[0]), _median(sides[-1])
        if max(abs(first - paper), abs(last - paper)) < _MAX_SHADING:
            end = len(sides) - 1
            light = (np.arange(end + 1) * (last - first) + 256 * end) // end
            light -= light[end // 2]
            flat -= light if sides is not smooth else light[:, np.newaxis]
    return np.clip(flat, 0, 255).astype(np.uint8)


def _median_filtered(gray: np.ndarray) -> np.ndarray:
    """Returns the median of each pixel and its 8 neighbours; pixels at the edge are repeated."""
    return np.asarray(Image.fromarray(gray).filter(ImageFilter.MedianFilter(3)))


def _border(gray: np.ndarray) -> np.ndarray:
    return np.concatenate([gray[0], gray[-1], gray[1:-1, 0], gray[1:-1, -1]])


def _median(values: np.ndarray) -> int:
    return int(np.sort(values)[values.size // 2])


def _ink(light_ink: np.ndarray, advice: str) -> np.ndarray:
    """Returns the ink coverage of each pixel, uint8 [H, W], exactly 0 on paper."""
    paper = _median(_border(light_ink))
    if int(light_ink.max()) - paper < _MIN_CONTRAST:
        raise UserError(
            "no ink: expected a digit that differs from its paper by at least "
            f"{_MIN_CONTRAST} of 255 gray levels{advice}"
        )
    threshold = _otsu(light_ink)
    above = light_ink[light_ink > threshold]
    if above.size < _MIN_INK:
        raise UserError("no ink: found only a few pixels of it")
    # Levels below the middle between paper and threshold are paper; edges stay soft.
    none = max(paper, (paper + threshold) // 2)
    full = max(_median(above), none + 1)
    return (np.clip(light_ink.astype(int) - none, 0, full - none) * 255) // (full - none)


def _otsu(gray: np.ndarray) -> int:
    """Returns the gray level with the largest variance between its two sides (Otsu, 1979)."""
    counts = np.bincount(gray.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = sums / below - (sums[-1] - sums) / above
        variance = np.nan_to_num(below * above * (distance * distance))
    return int(variance.argmax())


def _moments(ink: np.ndarray) -> list[int]:
    """Returns the sums of ink times row and ink times column."""
    return [int((ink.sum(axis=axis) * np.arange(ink.shape[1 - axis])).sum()) for axis in (1, 0)]


def _is_mnist_like(light_ink: np.ndarray, ink: np.ndarray, longer_side: int) -> bool:
    """Returns whether the picture already has the form of MNIST's images."""
    height, width = light_ink.shape
    if height != width or height not in _MNIST_SIZES or _median(_border(light_ink)) > 0:
        return False
    total = int(ink.sum())
    offset = max(abs(2 * moment - (height - 1) * total) for moment in _moments(ink))
    fits = abs(longer_side * _CANVAS - _BOX * height) <= 3 * height
    return fits and offset * _CANVAS <= 4 * height * total


def _fitted(ink: np.ndarray) -> np.ndarray:
    """Scales the ink so that its longer side is 20 pixels, uint8 [h, w]."""
    longer = max(ink.shape)
    height, width = (max(1, (2 * side * _BOX + longer) // (2 * longer)) for side in ink.shape)
    small = transform.shrink(ink.astype(np.uint8), -(-longer // (2 * _BOX)))
    small = transform.resize(small[np.newaxis], height, width)[0].astype(int)
    # Thin strokes fade when they shrink, but MNIST's have full brightness.
    largest = max(int(small.max()), 1)
    return np.minimum(small * 255 * 9 // (8 * largest), 255)


def _centred(ink: np.ndarray) -> np.ndarray:
    """Puts the centre of mass of the ink in the middle of an empty 28x28 image, if it fits."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    total = int(ink.sum())
    position = [
        min(max((_CANVAS * total - 2 * moment) // (2 * total), 0), _CANVAS - side)
        for moment, side in zip(_moments(ink), ink.shape, strict=True)
    ]
    top, left = position
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return canvas
