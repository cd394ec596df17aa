import io

import numpy as np
import pytest
from PIL import Image

from lenet.errors import UserError
from lenet.prediction import picture

# A dark L on light ground, which shows the orientation.
GRAY = np.full((60, 40), 230, np.uint8)
GRAY[10:50, 8:14] = 20
GRAY[44:50, 8:30] = 20


@pytest.fixture
def save(tmp_path):
    def save(image, name, **kwargs):
        image.save(tmp_path / name, **kwargs)
        return str(tmp_path / name)

    return save


def _rgba(ink):
    """The L as opaque ink of one gray level on a transparent ground."""
    alpha = Image.fromarray(np.where(GRAY < 100, 255, 0).astype(np.uint8))
    level = Image.new("L", alpha.size, ink)
    return Image.merge("RGBA", [level, level, level, alpha])


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("L", "a.png"),
        ("RGB", "a.png"),
        ("P", "a.png"),
        ("L", "a.bmp"),
        ("RGB", "a.bmp"),
        ("L", "a.jpg"),
        ("RGB", "a.JPEG"),
        ("CMYK", "a.jpg"),
    ],
)
def test_modes_and_formats(save, mode, name):
    found = picture.read_gray(save(Image.fromarray(GRAY).convert(mode), name, quality=95))
    assert (found.dtype, found.shape) == (np.uint8, GRAY.shape)
    np.testing.assert_allclose(found.astype(int), GRAY, atol=25)


def test_16_bits(save):
    found = picture.read_gray(save(Image.fromarray(GRAY.astype(np.uint16) * 257), "a.png"))
    np.testing.assert_array_equal(found, GRAY)


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_transparent_parts_contrast_with_the_ink(save, ink, paper):
    found = picture.read_gray(save(_rgba(ink), "a.png"))
    np.testing.assert_array_equal(found, np.where(GRAY < 100, ink, paper))


def test_exif_rotation(save):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right
    turned = Image.fromarray(GRAY).transpose(Image.Transpose.ROTATE_90)
    found = picture.read_gray(save(turned, "a.jpg", exif=exif, quality=95))
    np.testing.assert_allclose(found.astype(int), GRAY, atol=25)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_large_pictures_shrink(save, name):
    found = picture.read_gray(save(Image.fromarray(GRAY).resize((2000, 3000)), name))
    assert max(found.shape) <= 1024
    assert found.shape[0] / found.shape[1] == pytest.approx(1.5, abs=0.01)


def _png():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def _bomb():
    buffer = io.BytesIO()
    Image.new("1", (20000, 20000)).save(buffer, "PNG")
    return buffer.getvalue()


def _gif():
    buffer = io.BytesIO()
    Image.fromarray(GRAY).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"dear diary", "expected a PNG, JPEG or BMP picture, found 10 bytes"),
        (_gif(), "expected a PNG, JPEG or BMP picture"),
        (_png()[:5000], "cannot read the picture"),
        (_png()[:20], "cannot read|expected a PNG"),
        (_bomb(), "too many pixels for a photo"),
    ],
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=message):
        picture.read_gray(str(tmp_path / "a.jpg"))


def test_find(tmp_path):
    for name in ("b.PNG", "a.jpeg", "c.bmp", "notes.txt", "d.jpg"):
        (tmp_path / name).write_bytes(b"")
    names = ["a.jpeg", "b.PNG", "c.bmp", "d.jpg"]
    assert picture.find(str(tmp_path)) == [str(tmp_path / name) for name in names]
    assert picture.find(str(tmp_path / "notes.txt")) == [str(tmp_path / "notes.txt")]


def test_find_nothing(tmp_path):
    with pytest.raises(UserError, match="no pictures in this folder"):
        picture.find(str(tmp_path))
    with pytest.raises(UserError, match="no such file or folder"):
        picture.find(str(tmp_path / "a.png"))
