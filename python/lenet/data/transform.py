"""From pixels to the input of the network; cc/image does the same, bit for bit.

Bilinear resize in integers (the arithmetic of OpenCV's INTER_LINEAR), then
`(x / 255 - MEAN) / STD`.
"""

import numpy as np

MEAN = 0.1307  # of the pixels of MNIST's training set, in 0..1
STD = 0.3081

_WEIGHT_BITS = 11
_WEIGHT_ONE = 1 << _WEIGHT_BITS
_CHUNK = 1024  # images at once: keeps the intermediate int32 arrays in tens of megabytes


def prepare(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Input of the network for gray images: uint8 [N, h, w] to float32 [N, 1, height, width]."""
    return normalize(resize(images, height, width))[:, np.newaxis]


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear resize of uint8 [N, h, w] to uint8 [N, height, width]; the same size copies."""
    top, bottom, down = _axis(images.shape[1], height)
    left, right, across = _axis(images.shape[2], width)
    down = down[:, np.newaxis]
    result = np.empty((len(images), height, width), np.uint8)
    for start in range(0, len(images), _CHUNK):
        source = images[start : start + _CHUNK].astype(np.int32)
        rows = source[:, top] * (_WEIGHT_ONE - down) + source[:, bottom] * down
        pixels = rows[:, :, left] * (_WEIGHT_ONE - across) + rows[:, :, right] * across
        half = 1 << (2 * _WEIGHT_BITS - 1)
        result[start : start + _CHUNK] = (pixels + half) >> (2 * _WEIGHT_BITS)
    return result


def normalize(images: np.ndarray) -> np.ndarray:
    """Normalised pixels, float32, of uint8 pixels in any shape."""
    return _NORMALIZED[images]


def _axis(size: int, target: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each target pixel the two source pixels, and the weight of the second in 1/2048."""
    numerator = (2 * np.arange(target) + 1) * size - target
    denominator = 2 * target
    first, rest = np.divmod(np.maximum(numerator, 0), denominator)
    # frac * 2048, rounded half up
    weight = (2 * _WEIGHT_ONE * rest + denominator) // (2 * denominator)
    weight[first >= size - 1] = 0
    first = np.minimum(first, size - 1)
    return first, np.minimum(first + 1, size - 1), weight.astype(np.int32)


# In double precision, rounded once: the same 256 values in every language.
_NORMALIZED = ((np.arange(256) / 255.0 - MEAN) / STD).astype(np.float32)
