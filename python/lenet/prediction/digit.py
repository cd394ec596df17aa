"""Converts a picture of a digit to the form of MNIST's images.

MNIST's digits are light on dark, fit into 20x20 pixels, and have their centre of mass in the
middle of 28x28 pixels. A network trained on MNIST expects this form.
"""

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from lenet.errors import UserError

_BOX = 20  # pixels, the longer side of the ink
_CANVAS = 28  # pixels
_MNIST_SIZES = (28, 32)  # pixels, of MNIST and of //python:preprocess

_MIN_CONTRAST = 32  # gray levels between ink and paper
_MIN_INK = 4  # pixels
_MIN_COVERAGE = 0.2  # share of full ink; paler pixels do not count for the size of the digit
_MAX_SHADING = 96  # gray levels between the lightest and the darkest paper
_MIN_SHEET = 0.03  # share of the picture
_RECTANGULAR = 0.85  # share of the smallest rectangle around it; a filled 0 or 8 has about 0.78
_SMALL_SHEET = 0.2  # share of the picture; a table's cell, but not the inside of a dotted zero
_EXACT = 0.95  # as _RECTANGULAR for small sheets
_SHEET_INK = (0.005, 0.45)  # share of a sheet that its marks take, with what they enclose
_STROKE = 0.5  # share of the largest stroke; as small as that, a stroke at the edge is the digit
_SPECK = 0.02  # the same for a speck
_FAR_SPECK = 0.25  # the same outside of the box of the largest stroke and a quarter around it
_LINE = 10  # width by height of a ruled line; no digit has it
_PHOTO_SIDE = 64  # pixels; the strokes of a smaller picture are too thin to filter


def most_contrast(planes: list[np.ndarray]) -> np.ndarray:
    """Returns the gray plane, or a colour channel with more than twice its contrast.

    Args:
        planes: as lenet.prediction.picture.read returns them, gray first.
    """
    smooth = [_median_filtered(plane) for plane in planes]
    contrasts = [int(plane.max()) - int(plane.min()) for plane in smooth]
    best = int(np.argmax(contrasts))
    return planes[best] if contrasts[best] > 2 * contrasts[0] else planes[0]


def to_mnist(gray: np.ndarray, invert: str) -> np.ndarray:
    """Converts a picture of a digit to the form of MNIST's images.

    Only the innermost sheet, frame or table cell with ink in it is used.

    Args:
        gray: uint8 [H, W].
        invert: "yes" if ink is darker than paper, "no" if it is lighter, "auto" to detect it from
            the border of the picture, which is paper.

    Returns:
        uint8 [28, 28]. A picture that already has the form of MNIST, 28x28 or 32x32, is unchanged.

    Raises:
        UserError: no digit; the message does not name the picture.
    """
    gray, smooth = _innermost_sheet(gray)
    middle = (int(smooth.min()) + int(smooth.max())) / 2
    light_paper = np.median(_border(smooth)) > middle
    if invert == "yes" or (invert == "auto" and light_paper):
        gray, smooth = 255 - gray, 255 - smooth
    ink = _ink(smooth, "" if invert == "auto" else "; is --invert right?")
    if min(gray.shape) >= _PHOTO_SIDE:
        ink = _without_marks(ink)
    top, bottom, left, right = _bounds(ink)
    if _is_mnist_like(gray, ink, (top, bottom, left, right)):
        return gray
    return _centred(_fitted(ink[top:bottom, left:right]))


def _innermost_sheet(gray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pixels of the innermost sheet, as stored and smooth, uint8 [h, w] each."""
    smooth = _smooth(gray)
    for _ in range(4):  # a cell in a table on a sheet on a desk
        sheet = _sheet(smooth)
        if sheet is None:
            break
        bounds, inside = sheet
        gray = gray[bounds]
        paper = np.median(smooth[bounds][inside])
        gray = np.where(inside, gray, np.uint8(paper))
        smooth = _smooth(gray)
    return gray, smooth


def _sheet(smooth: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray] | None:
    """Returns bounds and pixels, bool [h, w], of the smallest rectangular sheet with ink on it."""
    if min(smooth.shape) < _PHOTO_SIDE or int(smooth.max()) - int(smooth.min()) < _MIN_CONTRAST:
        return None
    light = smooth > _otsu(smooth)
    sheets = []
    for side in (light, ~light):
        regions, _ = ndimage.label(side)
        boxes = ndimage.find_objects(regions)
        for number in np.flatnonzero(np.bincount(regions.ravel())[1:] > _MIN_SHEET * side.size):
            region = regions[boxes[number]] == number + 1
            filled = ndimage.binary_fill_holes(region)
            marks = 1 - region.sum() / filled.sum()
            exact = filled.sum() < _SMALL_SHEET * side.size
            if _SHEET_INK[0] < marks < _SHEET_INK[1] and _is_rectangular(filled, exact):
                sheets.append((filled.sum(), boxes[number], filled))
    if not sheets:
        return None
    area, box, filled = min(sheets, key=lambda sheet: sheet[0])
    if area == smooth.size:
        return None
    sheet = np.zeros(smooth.shape, bool)
    sheet[box] = filled
    margin = max(2, round(0.01 * max(smooth.shape)))  # its edge is neither paper nor ink
    inside = ndimage.binary_erosion(sheet, iterations=margin, border_value=1)
    found = ndimage.find_objects(inside.astype(np.int8))
    if not found or min(part.stop - part.start for part in found[0]) < _PHOTO_SIDE / 2:
        return None
    return found[0], inside[found[0]]


def _is_rectangular(region: np.ndarray, exact: bool) -> bool:
    """Returns whether a region without holes fills a rectangle of any angle."""
    rows, columns = np.nonzero(region & ~ndimage.binary_erosion(region))
    areas = []
    for angle in np.deg2rad(np.arange(0, 90, 2)):
        along = rows * np.cos(angle) + columns * np.sin(angle)
        across = columns * np.cos(angle) - rows * np.sin(angle)
        areas.append((np.ptp(along) + 1) * (np.ptp(across) + 1))
    return bool(region.sum() > (_EXACT if exact else _RECTANGULAR) * min(areas))


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
    kept = inner if inner.max() >= _STROKE * outer.max() else sizes
    digit = kept.argmax()
    far = np.zeros(count, bool)
    for first, last in (rows, columns):
        near = max(np.ptp(rows[:, digit]), np.ptp(columns[:, digit])) // 4
        far |= (last < first[digit] - near) | (first > last[digit] + near)
    removed = kept < np.where(far, _FAR_SPECK, _SPECK) * kept.max()
    return np.where(np.append(False, removed)[strokes], 0.0, ink)


def _smooth(gray: np.ndarray) -> np.ndarray:
    """Removes noise and shading from a photo, uint8 [H, W]."""
    if min(gray.shape) < _PHOTO_SIDE:
        return gray
    smooth = _median_filtered(gray)
    light = _light(smooth)
    return np.clip(smooth - light + np.median(light), 0, 255).astype(np.uint8)


def _median_filtered(gray: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(gray).filter(ImageFilter.MedianFilter(3)))


def _light(gray: np.ndarray) -> np.ndarray:
    """Fits a plane to the border without outliers: brightness of the paper, float [H, W]."""
    rows, columns = np.indices(gray.shape)
    points = np.stack([_border(axis) for axis in (rows, columns, np.ones_like(rows))], axis=1)
    values = _border(gray).astype(np.float64)
    inside = np.abs(values - np.median(values)) < _MAX_SHADING
    for _ in range(2):
        plane = np.linalg.lstsq(points[inside], values[inside], rcond=None)[0]
        distance = np.abs(values - points @ plane)
        inside = distance <= max(1.0, 2 * float(distance[inside].mean()))
    return plane[0] * rows + plane[1] * columns + plane[2]


def _border(gray: np.ndarray) -> np.ndarray:
    return np.concatenate([gray[0], gray[-1], gray[1:-1, 0], gray[1:-1, -1]])


def _ink(light_ink: np.ndarray, advice: str) -> np.ndarray:
    """Returns the ink coverage of each pixel, float [H, W] in 0..1, exactly 0 on paper."""
    paper = float(np.median(_border(light_ink)))
    if float(light_ink.max()) - paper < _MIN_CONTRAST:
        raise UserError(
            "no ink: expected a digit that differs from its paper by at least "
            f"{_MIN_CONTRAST} of 255 gray levels{advice}"
        )
    threshold = _otsu(light_ink)
    above = light_ink[light_ink > threshold]
    if above.size < _MIN_INK:
        raise UserError("no ink: found only a few pixels of it")
    full = float(np.median(above))
    # Levels below the middle between paper and threshold are paper; edges stay soft.
    none = max(paper, (paper + threshold) / 2)
    return np.clip((light_ink - none) / max(full - none, 1.0), 0.0, 1.0)


def _otsu(gray: np.ndarray) -> int:
    """Returns the gray level with the largest variance between its two sides (Otsu, 1979)."""
    counts = np.bincount(gray.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = sums / below - (sums[-1] - sums) / above
        variance = np.nan_to_num(below * above * distance**2)
    return int(variance.argmax())


def _bounds(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Returns top, bottom, left and right of the ink."""
    rows = np.flatnonzero((ink > _MIN_COVERAGE).any(axis=1))
    columns = np.flatnonzero((ink > _MIN_COVERAGE).any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centre(ink: np.ndarray) -> tuple[float, float]:
    """Returns the centre of mass, row and column; (0, 0) is the middle of the first pixel."""
    total = ink.sum()
    row = (ink.sum(axis=1) * np.arange(ink.shape[0])).sum() / total
    column = (ink.sum(axis=0) * np.arange(ink.shape[1])).sum() / total
    return float(row), float(column)


def _is_mnist_like(
    light_ink: np.ndarray, ink: np.ndarray, bounds: tuple[int, int, int, int]
) -> bool:
    """Returns whether the picture already has the form of MNIST's images."""
    height, width = light_ink.shape
    if height != width or height not in _MNIST_SIZES or np.median(_border(light_ink)) > 0:
        return False
    top, bottom, left, right = bounds
    longer_side = max(bottom - top, right - left) * _CANVAS / height
    middle = (height - 1) / 2
    offset = max(abs(value - middle) for value in _centre(ink)) * _CANVAS / height
    return abs(longer_side - _BOX) <= 3 and offset <= 2


def _fitted(ink: np.ndarray) -> np.ndarray:
    """Scales the ink so that its longer side is 20 pixels, float [h, w] in 0..1."""
    scale = _BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    image = Image.fromarray(ink.astype(np.float32))
    small = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    # Thin strokes fade when they shrink, but MNIST's have full brightness.
    return np.clip(small / max(float(small.max()), 1e-6), 0.0, 1.0)


def _centred(ink: np.ndarray) -> np.ndarray:
    """Puts the centre of mass of the ink in the middle of an empty 28x28 image, if it fits."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    position = []
    for centre, side in zip(_centre(ink), ink.shape, strict=True):
        first = round((_CANVAS - 1) / 2 - centre)
        position.append(min(max(first, 0), _CANVAS - side))
    top, left = position
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = np.rint(ink * 255)
    return canvas
