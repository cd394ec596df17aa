import io

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.preprocessing import encode


@pytest.fixture(scope="module")
def pixels():
    return transform.resize(idx.read_split("", "test").images[:1], 32, 48)[0]


def test_jpg_is_baseline_gray_and_near(pixels):
    content = encode.encode(pixels, "jpg", 95)
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.mode, image.size) == ("JPEG", "L", (48, 32))
    assert b"\xff\xc0" in content, "no baseline frame"
    assert b"\xff\xc2" not in content, "a progressive frame"
    assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 3


def test_quality_decides_about_the_size(pixels):
    assert len(encode.encode(pixels, "jpg", 30)) < len(encode.encode(pixels, "jpg", 95))


def test_png_is_exact(pixels):
    image = Image.open(io.BytesIO(encode.encode(pixels, "png", 1)))
    assert (image.format, image.mode) == ("PNG", "L")
    np.testing.assert_array_equal(np.asarray(image), pixels)


def test_bin_is_the_input_of_the_network(pixels):
    content = encode.encode(pixels, "bin", 1)
    found = np.frombuffer(content, "<f4").reshape(1, 32, 48)
    np.testing.assert_array_equal(found, transform.prepare(pixels[np.newaxis], 32, 48)[0])


@pytest.mark.parametrize(
    ("height", "width", "flag"), [(30, 32, "height"), (32, 31, "width"), (33, 32, "height")]
)
def test_sizes_that_dvpp_refuses(height, width, flag):
    with pytest.raises(UserError, match=f"--image_{flag}: expected an even number of at least 32"):
        encode.check_size("jpg", height, width)
    encode.check_size("png", height, width)
    encode.check_size("bin", height, width)


def test_sizes_that_dvpp_takes():
    encode.check_size("jpg", 32, 34)
