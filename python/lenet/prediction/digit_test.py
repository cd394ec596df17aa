import numpy as np
import pytest
from PIL import Image

from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.prediction import digit

COUNT = 200


@pytest.fixture(scope="module")
def images():
    return idx.read_split("", "test").images[:COUNT]


def _photo(image, *, size=140, top=90, left=40, shade=0.0, noise=0.0, seed=0):
    """A photo of 300x200 with `image` as a dark digit, darker by `shade` at one corner."""
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.zeros((300, 200))
    ink[top : top + size, left : left + size] = np.asarray(large) / 255
    rows, columns = np.indices(ink.shape)
    light = 230 * (1 - shade * (rows + columns) / 500)
    grain = np.random.default_rng(seed).normal(0, 1, ink.shape) * noise
    return np.clip(light * (1 - 0.85 * ink) + grain, 0, 255).astype(np.uint8)


def _difference(found, image):
    """Minimum of the mean absolute difference over shifts by at most one pixel."""
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    shifted = (np.roll(found.astype(int), shift, (0, 1)) for shift in shifts)
    return min(np.abs(moved - image).mean() for moved in shifted)


def test_an_image_of_mnist_is_unchanged(images):
    for image in images:
        np.testing.assert_array_equal(digit.to_mnist(image, "auto"), image)
        np.testing.assert_array_equal(digit.to_mnist(255 - image, "auto"), image)


def test_an_image_of_preprocess_is_unchanged(images):
    for image in transform.resize(images, 32, 32):
        np.testing.assert_array_equal(digit.to_mnist(image, "auto"), image)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"size": 60, "top": 5, "left": 130},
        {"noise": 6},
        {"shade": 0.5},
        {"shade": 0.5, "noise": 6},
    ],
)
@pytest.mark.parametrize("light_ink", [False, True])
def test_a_photo_of_an_image_becomes_that_image(images, changes, light_ink):
    differences = []
    for seed, image in enumerate(images[:20]):
        photo = _photo(image, seed=seed, **changes)
        found = digit.to_mnist(255 - photo if light_ink else photo, "auto")
        assert (found.dtype, found.shape) == (np.uint8, (28, 28))
        differences.append(_difference(found, image))
    empty = np.mean([image.mean() for image in images[:20]])
    assert np.mean(differences) < 0.5 * empty


def test_specks_are_not_ink(images):
    photo = _photo(images[0])
    specked = photo.copy()
    specked[10::40, 10::40] = 0
    found, expected = (digit.to_mnist(gray, "auto") for gray in (specked, photo))
    assert _difference(found, expected.astype(int)) < 5


def test_ratio_and_centre():
    gray = np.full((100, 300), 255, np.uint8)
    gray[20:80, 200:212] = 0  # a bar of 60x12
    found = digit.to_mnist(gray, "auto")
    rows, columns = np.nonzero(found > 128)
    assert (rows.min(), rows.max()) == (4, 23)
    assert columns.max() - columns.min() + 1 == 4
    assert abs(columns.mean() - 13.5) <= 0.5


def test_invert():
    gray = np.full((100, 100), 255, np.uint8)
    gray[30:70, 45:55] = 0
    dark_ink = digit.to_mnist(gray, "auto")
    np.testing.assert_array_equal(digit.to_mnist(gray, "yes"), dark_ink)
    np.testing.assert_array_equal(digit.to_mnist(255 - gray, "no"), dark_ink)
    for image, invert in ((gray, "no"), (255 - gray, "yes")):
        with pytest.raises(UserError, match="no ink: .* is --invert right"):
            digit.to_mnist(image, invert)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (200, 100)])
@pytest.mark.parametrize("invert", ["auto", "yes", "no"])
def test_no_ink(level, shape, invert):
    with pytest.raises(UserError, match="no ink"):
        digit.to_mnist(np.full(shape, level, np.uint8), invert)


@pytest.mark.parametrize("seed", range(20))
def test_any_pixels_give_an_image_or_a_clear_error(seed):
    generator = np.random.default_rng(seed)
    shape = generator.integers(1, 90, 2)
    gray = generator.integers(0, 256, shape, dtype=np.uint8)
    try:
        assert digit.to_mnist(gray, "auto").shape in ((28, 28), (32, 32))
    except UserError as error:
        assert "no ink" in str(error)
