import numpy as np
import pytest

from lenet.data import idx, transform


def _axis_reference(position: int, size: int, target: int) -> tuple[int, int, int]:
    numerator = (2 * position + 1) * size - target
    denominator = 2 * target
    if numerator < 0:
        first, weight = 0, 0
    else:
        first = numerator // denominator
        weight = (2 * 2048 * (numerator % denominator) + denominator) // (2 * denominator)
    if first >= size - 1:
        first, weight = size - 1, 0
    return first, min(first + 1, size - 1), weight


def _resize_reference(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes pixel by pixel."""
    result = np.zeros((height, width), np.uint8)
    for row in range(height):
        top, bottom, down = _axis_reference(row, image.shape[0], height)
        for column in range(width):
            left, right, across = _axis_reference(column, image.shape[1], width)
            total = 0
            for y, weight_y in ((top, 2048 - down), (bottom, down)):
                for x, weight_x in ((left, 2048 - across), (right, across)):
                    total += int(image[y, x]) * weight_y * weight_x
            result[row, column] = (total + 2**21) >> 22
    return result


SIZES = [
    ((28, 28), (32, 32)),
    ((28, 28), (28, 28)),
    ((28, 28), (33, 47)),
    ((31, 17), (16, 40)),
    ((5, 7), (64, 3)),
    ((1, 1), (4, 5)),
    ((2, 1), (1, 2)),
    ((200, 3), (16, 16)),
]


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_resize_equals_the_definition(source, target):
    images = np.random.default_rng(0).integers(0, 256, (3, *source), dtype=np.uint8)
    images[2] = 255
    resized = transform.resize(images, *target)
    expected = np.stack([_resize_reference(image, *target) for image in images])
    np.testing.assert_array_equal(resized, expected)
    assert resized.dtype == np.uint8


def test_resize_in_chunks():
    images = np.random.default_rng(2).integers(0, 256, (2500, 4, 5), dtype=np.uint8)
    resized = transform.resize(images, 6, 6)
    for index in (0, 1023, 1024, 2047, 2048, 2499):
        np.testing.assert_array_equal(resized[index], transform.resize(images[[index]], 6, 6)[0])


def test_resize_of_an_mnist_image_has_not_changed():
    image = idx.read_split("", "test").images[:1]
    resized = transform.resize(image, 32, 32)
    assert resized[0, 9, 5:15].tolist() == [0, 37, 199, 238, 237, 235, 225, 211, 190, 161]


def test_normalize_rounds_once():
    values = np.arange(256, dtype=np.uint8)
    expected = [np.float32((value / 255.0 - 0.1307) / 0.3081) for value in range(256)]
    normalized = transform.normalize(values)
    assert normalized.dtype == np.float32
    np.testing.assert_array_equal(normalized, expected)


def test_prepare():
    images = np.random.default_rng(3).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    prepared = transform.prepare(images, 32, 40)
    assert prepared.shape == (2, 1, 32, 40)
    assert prepared.dtype == np.float32
    np.testing.assert_array_equal(
        prepared[:, 0], transform.normalize(transform.resize(images, 32, 40))
    )


def test_no_images():
    assert transform.prepare(np.zeros((0, 28, 28), np.uint8), 32, 32).shape == (0, 1, 32, 32)
