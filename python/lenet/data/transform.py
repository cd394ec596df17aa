"""Converts pixels to the input of the network; cc/image gives the same bits.

Bilinear resize in integers (the arithmetic of OpenCV's INTER_LINEAR), then
`(x / 255 - MEAN) / STD`.
"""

import numpy as np

MEAN = 0.1307  # of the pixels of MNIST's training set, scaled to 0..1
STD = 0.3081

_WEIGHT_ONE = 2048
_CHUNK = 256  # images per iteration, so that the intermediate arrays fit into the cache


def prepare(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Converts gray images, uint8 [N, h, w], to float32 [N, 1, height, width]."""
    return normalize(resize(images, height, width))[:, np.newaxis]


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes uint8 [N, h, w] to uint8 [N, height, width] bilinearly; an equal size copies."""
    down = _weights(images.shape[1], height)
    across = _weights(images.shape[2], width).T.astype(np.float32)
    result = np.empty((len(images), height, width), np.uint8)
    for start in range(0, len(images), _CHUNK):
        source = images[start : start + _CHUNK]
        # Exact: all values are integers, below 2^24 in float32 and below 2^53 in float64.
        rows = source.reshape(-1, images.shape[2]).astype(np.float32) @ across
        pixels = down @ rows.reshape(*source.shape[:2], width).astype(np.float64)
        result[start : start + _CHUNK] = pixels / _WEIGHT_ONE**2 + 0.5
    return result


def normalize(images: np.ndarray) -> np.ndarray:
    """Returns the normalised pixels, float32, of uint8 pixels in any shape."""
    return NORMALIZED[images]


def _weights(size: int, target: int) -> np.ndarray:
    """Returns the weight of each source pixel in each target pixel, float64 [target, size].

    Weights are integers; each row sums to 2048.
    """
    pixels = np.arange(target)
    numerator = (2 * pixels + 1) * size - target
    denominator = 2 * target
    first, rest = np.divmod(np.maximum(numerator, 0), denominator)
    # rest / denominator * 2048, rounded half up
    weight = (2 * _WEIGHT_ONE * rest + denominator) // (2 * denominator)
    weight[first >= size - 1] = 0
    first = np.minimum(first, size - 1)
    result = np.zeros((target, size))
    result[pixels, first] = _WEIGHT_ONE - weight
    result[pixels, np.minimum(first + 1, size - 1)] += weight
    return result


# Normalised value of each pixel value; in double precision, rounded once: the same 256 values in
# every language.
NORMALIZED = ((np.arange(256) / 255.0 - MEAN) / STD).astype(np.float32)


def shrink(image: np.ndarray, step: int) -> np.ndarray:
    """Averages squares of `step` pixels per side, or of the whole side if it is shorter.

    Args:
        image: uint8 [height, width].
        step: at least 1. Pixels at the end of a side that fill no square are left out.

    Returns:
        uint8 [max(1, height // step), max(1, width // step)].
    """
    down, across = (min(step, side) for side in image.shape)
    height, width = image.shape[0] // down, image.shape[1] // across
    squares = image[: height * down, : width * across].reshape(height, down, width, across)
    sums = squares.sum(axis=(1, 3), dtype=np.int64)
    return ((sums + down * across // 2) // (down * across)).astype(np.uint8)
