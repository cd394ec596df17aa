"""From a picture of a digit to an image like those of MNIST.

MNIST's digits are light on dark, fit into 20x20 pixels, and have their centre of mass in the
middle of 28x28 pixels: a network trained on it expects that of every image.
"""

import numpy as np
from PIL import Image, ImageFilter

from lenet.errors import UserError

_BOX = 20  # pixels, the larger side of the ink
_CANVAS = 28  # pixels
_MNIST_SIZES = (28, 32)  # as MNIST has them, and as //python:preprocess writes them

_LEAST_CONTRAST = 32  # gray levels between ink and paper
_LEAST_INK = 4  # pixels
_IN_BOX = 0.2  # of full ink: paler pixels are not counted for the size of the digit
_UNEVEN = 96  # gray levels that the light may differ between two places of the paper
_NOISY_SIZE = 64  # pixels; a smaller picture is not a photo, and its strokes are too thin to filter


def to_mnist(gray: np.ndarray, invert: str) -> np.ndarray:
    """The digit in a picture as MNIST has it.

    Args:
        gray: uint8 [H, W].
        invert: "yes" if ink is darker than paper, "no" if it is lighter, "auto" to look: paper is
            what most of the border of the picture is.

    Returns:
        uint8 [28, 28]; a picture that is like those of MNIST already stays as it is, and may be
        [32, 32].

    Raises:
        UserError: no ink. The message does not name the picture.
    """
    smooth = _smooth(gray)
    dark_ink = invert == "yes" or (invert == "auto" and _has_light_paper(smooth))
    if dark_ink:
        gray, smooth = 255 - gray, 255 - smooth
    ink = _ink(smooth)
    top, bottom, left, right = _bounds(ink)
    if _is_mnist_like(gray, ink, (top, bottom, left, right)):
        return gray
    return _centred(_fitted(ink[top:bottom, left:right]))


def _smooth(gray: np.ndarray) -> np.ndarray:
    """A photo without grains of noise, which would count as ink, and evenly lit; uint8 [H, W]."""
    if min(gray.shape) < _NOISY_SIZE:
        return gray
    smooth = np.asarray(Image.fromarray(gray).filter(ImageFilter.MedianFilter(3)))
    light = _light(smooth)
    return np.clip(smooth - light + np.median(light), 0, 255).astype(np.uint8)


def _light(gray: np.ndarray) -> np.ndarray:
    """Brightness of the paper, float [H, W]: a plane through the border without its outliers."""
    rows, columns = np.indices(gray.shape)
    points = np.stack([_border(axis) for axis in (rows, columns, np.ones_like(rows))], axis=1)
    values = _border(gray).astype(np.float64)
    inside = np.abs(values - np.median(values)) < _UNEVEN
    for _ in range(2):
        plane = np.linalg.lstsq(points[inside], values[inside], rcond=None)[0]
        distance = np.abs(values - points @ plane)
        inside = distance <= max(1.0, 2 * float(distance[inside].mean()))
    return plane[0] * rows + plane[1] * columns + plane[2]


def _border(gray: np.ndarray) -> np.ndarray:
    return np.concatenate([gray[0], gray[-1], gray[1:-1, 0], gray[1:-1, -1]])


def _has_light_paper(gray: np.ndarray) -> bool:
    middle = (int(gray.min()) + int(gray.max())) / 2
    return bool(np.median(_border(gray)) > middle)


def _ink(light_ink: np.ndarray) -> np.ndarray:
    """How much ink covers each pixel, float [H, W] in 0..1, exactly 0 on paper."""
    paper = float(np.median(_border(light_ink)))
    if float(light_ink.max()) - paper < _LEAST_CONTRAST:
        raise UserError(
            "no ink: expected a digit that differs from its paper by at least "
            f"{_LEAST_CONTRAST} of 255 gray levels; is --invert right?"
        )
    threshold = _otsu(light_ink)
    above = light_ink[light_ink > threshold]
    if above.size < _LEAST_INK:
        raise UserError("no ink: found only a few pixels of it")
    full = float(np.median(above))
    # Edges stay soft, but what is nearer to paper than to the threshold is paper.
    none = max(paper, (paper + threshold) / 2)
    return np.clip((light_ink - none) / max(full - none, 1.0), 0.0, 1.0)


def _otsu(gray: np.ndarray) -> int:
    """The gray level that splits the pixels into the two most distinct groups."""
    counts = np.bincount(gray.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = sums / below - (sums[-1] - sums) / above
        variance = np.nan_to_num(below * above * distance**2)
    return int(variance.argmax())


def _bounds(ink: np.ndarray) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of the ink."""
    rows = np.flatnonzero((ink > _IN_BOX).any(axis=1))
    columns = np.flatnonzero((ink > _IN_BOX).any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _centre(ink: np.ndarray) -> tuple[float, float]:
    """Centre of mass, row and column, from the middle of pixel (0, 0)."""
    total = ink.sum()
    row = (ink.sum(axis=1) * np.arange(ink.shape[0])).sum() / total
    column = (ink.sum(axis=0) * np.arange(ink.shape[1])).sum() / total
    return float(row), float(column)


def _is_mnist_like(
    light_ink: np.ndarray, ink: np.ndarray, bounds: tuple[int, int, int, int]
) -> bool:
    """Whether size, paper, scale and place are those of an image of MNIST."""
    height, width = light_ink.shape
    if height != width or height not in _MNIST_SIZES or np.median(_border(light_ink)) > 0:
        return False
    top, bottom, left, right = bounds
    larger_side = max(bottom - top, right - left) * _CANVAS / height
    middle = (height - 1) / 2
    offset = max(abs(value - middle) for value in _centre(ink)) * _CANVAS / height
    return abs(larger_side - _BOX) <= 3 and offset <= 2


def _fitted(ink: np.ndarray) -> np.ndarray:
    """The ink, scaled so that its larger side is 20 pixels, float [h, w] in 0..1."""
    scale = _BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    image = Image.fromarray(ink.astype(np.float32))
    small = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
    # Thin strokes fade when they shrink; MNIST's reach full brightness.
    return np.clip(small / max(float(small.max()), 1e-6), 0.0, 1.0)


def _centred(ink: np.ndarray) -> np.ndarray:
    """The ink on an empty 28x28 image, its centre of mass in the middle, as far as it fits."""
    canvas = np.zeros((_CANVAS, _CANVAS), np.uint8)
    place = []
    for centre, side in zip(_centre(ink), ink.shape, strict=True):
        first = round((_CANVAS - 1) / 2 - centre)
        place.append(min(max(first, 0), _CANVAS - side))
    top, left = place
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = np.rint(ink * 255)
    return canvas
