import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

from lenet import memory
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


def _gray(path):
    return picture.read(path)[0]


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
        ("RGB", "a.webp"),
        ("P", "a.gif"),
        ("L", "a.tif"),
        ("LA", "a.png"),
        ("RGBA", "a.tif"),
        ("I;16B", "a.tif"),
    ],
)
def test_modes_and_formats(save, mode, name):
    image = Image.fromarray(GRAY).convert(mode if mode != "I;16B" else "L")
    if mode == "I;16B":
        image = Image.fromarray(GRAY.astype(">u2") * 257)
    found = _gray(save(image, name, quality=95))
    assert (found.dtype, found.shape) == (np.uint8, GRAY.shape)
    np.testing.assert_allclose(found.astype(int), GRAY, atol=25)


def test_16_bits(save):
    found = _gray(save(Image.fromarray(GRAY.astype(np.uint16) * 257), "a.png"))
    np.testing.assert_array_equal(found, GRAY)


@pytest.mark.parametrize("factor", [1, 4, 16, 64])
def test_parts_of_16_bits_are_scaled_by_the_largest_value(save, factor):
    with pytest.warns(picture.PictureWarning, match="a small part of their range"):
        found = _gray(save(Image.fromarray(GRAY.astype(np.uint16) * factor), "a.png"))
    np.testing.assert_array_equal(found, (GRAY.astype(int) * 255 + 115) // 230)


@pytest.mark.parametrize(("levels", "scaled"), [(2, True), (17, True), (33, False)])
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.gif"])
def test_few_levels_of_8_bits_are_scaled_by_the_largest(save, levels, scaled, name):
    path = save(Image.fromarray(np.where(GRAY < 100, 0, levels - 1).astype(np.uint8)), name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", picture.PictureWarning)
        assert _gray(path).max() == (255 if scaled else levels - 1)
    assert len(caught) == scaled


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0, 1, np.float32, [0, 255]),
        (0.1, 0.5, np.float32, [26, 128]),
        (10, 250, np.float32, [10, 250]),
        (0, 1000, np.float32, [0, 255]),
        (-0.42, 2.82, np.float32, [0, 255]),
        (-5, 1 << 20, np.int32, [0, 255]),
    ],
)
def test_floats_and_integers(save, low, high, kind, expected):
    found = _gray(save(Image.fromarray(np.where(GRAY < 100, low, high).astype(kind)), "a.tif"))
    assert np.unique(found).tolist() == expected
    with pytest.raises(UserError, match="NaN"):
        _gray(save(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "b.tif"))


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_transparent_parts_contrast_with_the_ink(save, ink, paper):
    found = _gray(save(_rgba(ink), "a.png"))
    np.testing.assert_array_equal(found, np.where(GRAY < 100, ink, paper))


@pytest.mark.parametrize("hidden", [0, 128, 255])
@pytest.mark.parametrize("turned", [0, 255])
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_opaque_paper_is_paper(save, hidden, turned, name):
    sheet = GRAY ^ np.uint8(turned)
    samples = np.full((100, 90, 4), hidden, np.uint8)
    samples[..., 3] = 0
    samples[20:80, 30:70, :3] = sheet[..., np.newaxis]
    samples[20:80, 30:70, 3] = 255
    found = np.array(_gray(save(Image.fromarray(samples), name, lossless=True)))
    np.testing.assert_array_equal(found[20:80, 30:70], sheet)
    found[20:80, 30:70] = sheet[0, 0]
    assert np.unique(found).tolist() == [sheet[0, 0]]


def test_a_picture_that_is_nowhere_visible_is_read_without_alpha(save):
    image = Image.merge(
        "LA", [Image.fromarray(GRAY), Image.new("L", (GRAY.shape[1], GRAY.shape[0]), 0)]
    )
    np.testing.assert_array_equal(_gray(save(image, "a.png")), GRAY)


# The rest of the directory is a GPS value that is a signed rational of -1/0.
_BROKEN = b"\x25\x88\4\0\1\0\0\0\x26\0\0\0\0\0\0\0\1\0\1\0\x0a\0\1\0\0\0\x38\0\0\0\0\0\0\0"


@pytest.mark.parametrize("rest", [b"", _BROKEN + b"\xff\xff\xff\xff\0\0\0\0"])
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_exif_rotation(save, name, rest):
    exif = b"II*\0\x08\0\0\0" + bytes([1 + bool(rest), 0])
    exif += b"\x12\1\3\0\1\0\0\0\6\0\0\0" + (rest or b"\0\0\0\0")
    turned = Image.fromarray(GRAY).transpose(Image.Transpose.ROTATE_90)
    found = _gray(save(turned, name, exif=b"Exif\0\0" + exif, quality=95))
    np.testing.assert_allclose(found.astype(int), GRAY, atol=25)


def test_orientation_outside_of_exif_is_ignored(save):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    found = _gray(save(Image.fromarray(GRAY), "a.jpg", xmp=xmp, quality=95))
    assert found.shape == GRAY.shape


def test_every_orientation(save):
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(GRAY)
        path = save(image, "a.png", exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
        np.testing.assert_array_equal(_gray(path), expected)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_large_pictures_shrink(save, name):
    found = _gray(save(Image.fromarray(GRAY).resize((2000, 3000)), name))
    assert max(found.shape) <= 1024
    assert found.shape[0] / found.shape[1] == pytest.approx(1.5, abs=0.01)


def _png():
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg(**options):
    buffer = io.BytesIO()
    Image.fromarray(GRAY).resize((300, 300)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


_CUT_JPEG = _jpeg()[:2000] + b"\xff\xd9"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"dear diary", "expected a PNG, JPEG, .* or GIF picture, found 10 bytes"),
        (_png()[:5000], "cannot read the picture"),
        (_png()[:20], "cannot read|expected a PNG"),
        (_png()[:-20] + bytes(4) + _png()[-16:], "cannot read the picture: .*IDAT"),
        (_CUT_JPEG, "broken JPEG: .*premature end"),
        (_CUT_JPEG.replace(b"JFIF\0\1", b"JFIF\0\7"), "broken JPEG: .*premature end"),
        (
            _jpeg(restart_marker_blocks=9).replace(b"\xff\xd0", bytes(9) + b"\xff\xd0"),
            "broken JPEG: .*extraneous bytes",
        ),
    ],
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=message):
        _gray(str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(("kind", "pixels"), [("PNG", 5000**2), ("JPEG", 1250**2 + 5000**2 / 2)])
def test_the_memory_left_is_the_limit(save, monkeypatch, kind, pixels):
    path = save(Image.new("L", (5000, 5000)), "a", format=kind, progressive=True)
    asked = []
    monkeypatch.setattr(memory, "require", lambda *arguments: asked.append(arguments))
    _gray(path)
    assert asked == [("the picture of 5000x5000 pixels", 16 * pixels)]


def test_find(tmp_path):
    (tmp_path / "e").write_bytes(_png())
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.png").write_bytes(_png())
    for name in ("b.PNG", "a.jpeg", "c.bmp", "notes.txt", "d.jfif", "._d.jfif", "manifest.csv"):
        (tmp_path / name).write_bytes(b"")
    names = ["a.jpeg", "b.PNG", "c.bmp", "d.jfif", "e"]
    assert picture.find(str(tmp_path)) == ([str(tmp_path / name) for name in names], 1)
    assert picture.find(str(tmp_path / "notes.txt")) == ([str(tmp_path / "notes.txt")], 0)


def test_a_folder_without_pictures_stands_for_its_subfolders(tmp_path):
    for name in ("7/0.png", "3/x/1.png", "3/x/notes.txt", ".hidden/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    names = ["3/x/1.png", "7/0.png"]
    assert picture.find(str(tmp_path)) == ([str(tmp_path / name) for name in names], 1)


def test_find_nothing(tmp_path):
    with pytest.raises(UserError, match="no pictures in this folder"):
        picture.find(str(tmp_path))
    with pytest.raises(UserError, match="no such file or folder"):
        picture.find(str(tmp_path / "a.png"))
