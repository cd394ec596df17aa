import re

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


def _frame(photo, top, left, bottom, right):
    photo[[top, top + 1, bottom, bottom + 1], left:right] = 40
    photo[top:bottom, [left, left + 1, right, right + 1]] = 40


def _on_desk(photo, level):
    desk = np.full((400, 320), level, np.uint8)
    desk[50:350, 70:270] = photo
    return desk


def _set(photo, key, level):
    photo[key] = level


@pytest.mark.parametrize(
    "change",
    [
        lambda p: _frame(p, 10, 10, 290, 190),  # a form
        lambda p: [_frame(p, 2 * m, m, 296 - m, 196 - m) for m in (5, 15)],
        lambda p: [_set(p, [30, 31, 265, 266], 40), _set(p, np.s_[:, [20, 21, 185, 186]], 40)],
        lambda p: [_set(p, np.s_[:, :15], 20), _set(p, np.s_[:30], 25)],  # the border of a scan
        lambda p: _set(p, np.s_[:, 185:], 110),  # another sheet
        lambda p: _on_desk(p, 70),
        lambda p: _on_desk(p, 10),
        lambda p: np.asarray(Image.fromarray(_on_desk(p, 70)).rotate(4, fillcolor=70)),
        lambda p: _set(p, np.s_[250:255, 30:170], 40),  # a line below
        lambda p: _set(p, np.s_[40:52, 8:20], 40),  # a punched hole
        lambda p: _set(p, np.s_[:270, 8:12], 40),  # a hair
    ],
)
@pytest.mark.parametrize("light_ink", [False, True])
def test_what_is_not_the_digit_is_left_out(images, change, light_ink):
    for image in images[:5]:
        plain, photo = _photo(image), _photo(image)
        changed = change(photo)
        photo = changed if isinstance(changed, np.ndarray) else photo
        found, expected = (
            digit.to_mnist(255 - gray if light_ink else gray, "auto") for gray in (photo, plain)
        )
        limit = 0.5 * expected.mean()  # a rotation changes more pixels than a shift
        assert _difference(found, expected.astype(int)) < limit


@pytest.mark.parametrize("shape", [(100, 60), (200, 200)])
def test_bold_digits_that_fill_the_picture_are_not_sheets(shape):
    height, width = shape
    rows, columns = np.indices(shape)
    radius = np.hypot((rows - height / 2) / (height / 2), (columns - width / 2) / (width / 2))
    zero = np.where((radius < 1) & (radius > 0.45), 20, 230).astype(np.uint8)
    found = digit.to_mnist(zero, "auto")
    assert found[13:15, 13:15].max() == 0
    assert np.ptp(np.nonzero(found > 128)[0]) + 1 == 20


@pytest.mark.parametrize(
    ("ink", "paper", "plane"),
    [
        ((255, 255, 0), (255, 255, 255), 3),  # yellow on white: blue
        ((200, 60, 30), (30, 130, 0), 1),
        ((0, 0, 255), (0, 0, 0), 3),
        ((0, 0, 100), (255, 255, 255), 0),
        ((20, 20, 20), (230, 220, 210), 0),
    ],
)
def test_contrast_by_colour_channel(ink, paper, plane):
    mask = np.zeros((90, 90, 1), bool)
    mask[20:70, 40:50] = True
    colour = Image.fromarray(np.where(mask, ink, paper).astype(np.uint8))
    planes = [np.asarray(image) for image in (colour.convert("L"), *colour.split())]
    assert digit.most_contrast(planes) is planes[plane]
    digit.to_mnist(planes[plane], "auto")


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
    with pytest.raises(UserError, match="no ink") as error:
        digit.to_mnist(np.full(shape, level, np.uint8), invert)
    assert ("--invert" in str(error.value)) == (invert != "auto")  # advice that can help


@pytest.mark.parametrize("seed", range(20))
def test_any_pixels_give_an_image_or_a_clear_error(seed):
    generator = np.random.default_rng(seed)
    shape = generator.integers(1, 90, 2)
    gray = generator.integers(0, 256, shape, dtype=np.uint8)
    try:
        for image in digit.row_to_mnist(gray, "auto"):
            assert image.shape in ((28, 28), (32, 32))
    except UserError as error:
        assert re.search("no ink|digit|frame", str(error))


def _row(images, *, space=24, boxes=False):
    """A photo of 200x(100 per image) with `images` side by side, or one in each box."""
    paper = np.full((200, 100 * len(images) + 60), 230, np.uint8)
    left = 40
    for image in images:
        columns = np.flatnonzero(image.max(axis=0) > 50)
        cut = Image.fromarray(image[:, columns[0] : columns[-1] + 1])
        part = np.asarray(cut.resize((72 * cut.width // 28, 72), Image.Resampling.BICUBIC))
        paper[60:132, left : left + part.shape[1]] = 230 - part // 4 * 3
        left = left + 100 if boxes else left + part.shape[1] + space
    if boxes:
        for number in range(len(images) + 1):
            paper[40:150, [25 + 100 * number, 26 + 100 * number]] = 40
        paper[[40, 41, 149, 150], 25 : 100 * len(images) + 26] = 40
    return paper


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("light_ink", [False, True])
def test_digits_side_by_side(images, boxes, light_ink):
    for start in range(0, 32, 4):
        chosen = images[start : start + 4]
        photo = _row(chosen, boxes=boxes)
        found = digit.row_to_mnist(255 - photo if light_ink else photo, "auto")
        assert len(found) == 4
        for image, expected in zip(found, chosen, strict=True):
            assert _difference(image, expected) < 0.5 * expected.mean()
    with pytest.raises(UserError, match="4 digits in one picture, expected one"):
        digit.to_mnist(photo, "auto")


def test_a_thin_digit_beside_a_bold_one_is_no_speck():
    photo = np.full((200, 300), 230, np.uint8)
    photo[50:150, 50:53] = 30
    photo[50:150, 150:200] = 30
    assert len(digit.row_to_mnist(photo, "auto")) == 2


def test_a_digit_that_is_cut_off_is_not_left_out(images):
    photo = _row(images[1:4])
    end = np.flatnonzero(photo.min(axis=0) < 100)[-1] - 10
    with pytest.raises(UserError, match="cut off at the edge"):
        digit.row_to_mnist(photo[:, :end], "auto")


def test_a_digit_on_the_line_of_its_box_is_not_left_out(images):
    photo = _row(images[:4], boxes=True)
    photo[80:84, 126:160] = 40
    with pytest.raises(UserError, match="ink on the lines of a box"):
        digit.row_to_mnist(photo, "auto")


def test_boxes_in_several_rows_are_refused(images):
    table = np.concatenate([_row(images[:2], boxes=True), _row(images[2:4], boxes=True)])
    with pytest.raises(UserError, match="several rows"):
        digit.row_to_mnist(table, "auto")
