"""Reads picture files as gray pixels and colour channels."""

import contextlib
import os
import pathlib
import re
import warnings
from collections.abc import Iterator

import numpy as np
import simplejpeg
from PIL import Image, ImageFile

from lenet import memory
from lenet.data import transform
from lenet.errors import UserError

_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF")
_NAMES = "PNG, JPEG, BMP, WebP, TIFF or GIF"
_SUFFIXES = [".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".webp", ".tif", ".tiff", ".gif"]
_START = re.compile(
    rb"\x89PNG|\xff\xd8\xff|BM....\0\0\0\0|RIFF....WEBP|II\*\0|MM\0\*|GIF8", re.DOTALL
)
_LOSSLESS = ("PNG", "BMP", "TIFF", "GIF")
_FEW_LEVELS = 32  # an array of 0 and 1, or 0 to 16, that was saved as it is
_MAX_SIDE = 1024  # pixels; enough for a digit
_BYTES_PER_PIXEL = 16  # while a picture is decoded; kBytesPerPixel in cc/image/planes.h
# Messages of libjpeg about pixels. Bytes before other markers than these are harmless.
_DAMAGED = "(Corrupt|Premature|Inconsistent|Invalid SOS)(?!.*extraneous)|.* before marker 0xd[0-7]"
_DAMAGED_PROGRESSIVE = _DAMAGED + "|.* before marker 0x(c4|da)"
_WIDE = ("I", "F")  # prefixes of Pillow's modes for more than 8 bits per sample
_ORIENTATION = 0x0112  # tag of EXIF
# Where Pillow looks for it besides, unlike cc/image and most programs.
_OTHER_ORIENTATIONS = ("xmp", "XML:com.adobe.xmp", "Raw profile type exif")
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow keeps the high bytes of 16-bit colour. These raw modes read the low bytes as well.
_LOW_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L", "LA;16B": "RGBA"}
_MARK_CONTRAST = 64  # gray levels between opaque paper and the ink on it


class PictureWarning(UserWarning):
    """Something odd about a picture that could be read."""


def find(path: str) -> tuple[list[str], int]:
    """Returns `path`, or the pictures in it if it is a folder, and the number of other files.

    A folder without pictures of its own stands for its subfolders. A file is a picture if its name
    or its first bytes say so. Names that start with a dot and manifest.csv are left out.

    Raises:
        UserError: it does not exist, or is a folder without pictures; the message has no path.
    """
    if not os.path.exists(path):  # noqa: PTH110 (pathlib raises for names that are too long)
        raise UserError("no such file or folder")
    if not pathlib.Path(path).is_dir():
        return [path], 0
    try:
        pictures, others = _pictures(pathlib.Path(path))
    except OSError as error:
        raise UserError(f"cannot read the folder: {error.strerror}") from error
    if not pictures:
        raise UserError(f"no pictures in this folder ({_NAMES})")
    return pictures, others


def _pictures(folder: pathlib.Path) -> tuple[list[str], int]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file() and entry.name != "manifest.csv"]
    pictures = [str(file) for file in files if _is_picture(file)]
    others = len(files) - len(pictures)
    if not pictures:
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                below, others_below = _pictures(entry)
                pictures += below
                others += others_below
    return pictures, others


def _is_picture(file: pathlib.Path) -> bool:
    if file.suffix.lower() in _SUFFIXES:
        return True
    with contextlib.suppress(OSError), file.open("rb") as stream:
        return bool(_START.match(stream.read(12)))
    return False


def read(path: str) -> list[np.ndarray]:
    """Returns a picture, upright by its EXIF data, as uint8 [H, W] planes of at most 1024 per side.

    The first plane is gray; red, green and blue follow if the picture has colour. See `planes`.

    Raises:
        UserError: unreadable, not a picture, truncated, or too many pixels; the message has no
            path.
    """
    try:
        with _unlimited(), Image.open(path, formats=_FORMATS) as image:
            name = f"the picture of {image.width}x{image.height} pixels"
            coefficients = image.width * image.height if "progressive" in image.info else 0
            image.draft("RGB", (_MAX_SIDE, _MAX_SIDE))  # decodes JPEG at 1/2, 1/4 or 1/8
            pixels = image.width * image.height + coefficients // 2
            memory.require(name, _BYTES_PER_PIXEL * pixels)
            _check(image, path)
            step = -(-max(image.size) // _MAX_SIDE)
            return [transform.shrink(plane, step) for plane in planes(image)]
    except UserError:
        raise
    except Image.UnidentifiedImageError as error:
        size = pathlib.Path(path).stat().st_size
        found = f"{size} bytes of another kind" if size else "an empty file"
        raise UserError(
            f"expected a {_NAMES} picture, found {found}; convert it to PNG or JPEG"
        ) from error
    except Exception as error:  # Pillow's decoders raise anything on damaged files
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the picture: {reason}") from error


def _check(image: ImageFile.ImageFile, path: str) -> None:
    """Raises an error for damaged or missing pixels that Pillow reads without one."""
    if image.format == "PNG":
        with Image.open(path) as unread:
            unread.verify()
    if image.format not in ("JPEG", "MPO"):
        return
    content = pathlib.Path(path).read_bytes()
    # Only the first oddity is reported, so this harmless one must not hide another.
    content = re.sub(rb"JFIF\0.", b"JFIF\0\x01", content, count=1, flags=re.DOTALL)
    damaged = _DAMAGED_PROGRESSIVE if "progressive" in image.info else _DAMAGED
    try:
        simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1, strict=True)
    except ValueError as error:
        if re.match(damaged, str(error)):
            raise UserError(f"broken JPEG: {error}") from error


@contextlib.contextmanager
def _unlimited() -> Iterator[None]:
    """Lifts Pillow's limit, which refuses large JPEG files before `draft` can reduce them."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def planes(opened: ImageFile.ImageFile) -> list[np.ndarray]:
    """Returns the gray plane of an opened picture, then its colour channels, uint8 [H, W] each.

    The picture is turned upright. Samples of more than 8 bits that use less than half of their
    range, and opaque ones of 8 bits that use less than an eighth, are scaled by the largest.
    Transparent parts get the colour of opaque paper; around bare ink they become white under dark
    ink and black under light ink.
    """
    raw_mode = opened.tile[0][3] if opened.format == "PNG" and opened.tile else None
    opened.load()
    image: Image.Image = opened
    if opened.mode.startswith(_WIDE):
        image = _with_exif(opened, _narrow(np.asarray(opened), opened.mode))
    elif raw_mode in _LOW_BYTES and np.asarray(opened)[..., :3].max() < 128:
        image = _with_exif(opened, _scaled_colour(opened, _LOW_BYTES[raw_mode]))
    image = _upright(image)
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    if alpha is None and opened.format in _LOSSLESS:
        pixels = np.asarray(image)
        if pixels.min() < pixels.max() < _FEW_LEVELS:
            image = Image.fromarray(_scaled(pixels))
    gray = np.asarray(image.convert("L"))
    channels = [gray]
    if image.mode == "RGB":
        channels += [np.asarray(channel) for channel in image.split()]
        if all(np.array_equal(channel, gray) for channel in channels[1:]):
            channels = [gray]
    return channels if alpha is None else _on_paper(channels, alpha)


def _upright(image: Image.Image) -> Image.Image:
    for key in _OTHER_ORIENTATIONS:
        image.info.pop(key, None)
    try:
        turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data; the pixels are as good as ever
        turn = None
    return image if turn is None else image.transpose(turn)


def _with_exif(image: Image.Image, pixels: np.ndarray) -> Image.Image:
    converted = Image.fromarray(pixels)
    converted.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return converted


def _narrow(samples: np.ndarray, mode: str) -> np.ndarray:
    """Converts samples of more than 8 bits, uint16, int32 or float32 [H, W], to uint8."""
    if not np.isfinite(samples).all():
        raise UserError("expected finite pixels, found NaN or infinity")
    low, high = float(samples.min()), float(samples.max())
    if not mode.startswith("F") and low >= 0 and high < 65536:
        wide = samples.astype(np.int64)
        return _scaled(wide) if 0 < high < 1 << 15 else (wide >> 8).astype(np.uint8)
    low = min(low, 0.0)
    full = high - low
    if low == 0 and mode.startswith("F"):  # the two usual ranges, else the largest value
        full = 1.0 if high <= 1 else 255.0 if high <= 255 else high
    return np.rint((samples.astype(np.float64) - low) * 255 / full).astype(np.uint8)


def _scaled(samples: np.ndarray) -> np.ndarray:
    largest = max(int(samples.max()), 1)
    warnings.warn(
        "samples that use a small part of their range; scaled by the largest",
        PictureWarning,
        stacklevel=2,
    )
    return ((samples.astype(np.int64) * 255 + largest // 2) // largest).astype(np.uint8)


def _scaled_colour(image: ImageFile.ImageFile, low_raw_mode: str) -> np.ndarray:
    high = np.asarray(image).astype(np.int64)
    with Image.open(image.filename) as again:
        codec, box, offset, _ = again.tile[0]
        again.tile = [(codec, box, offset, low_raw_mode)]
        low = np.asarray(again)
    low = low[..., 1:2] if low_raw_mode == "RGBA" else low[..., :3]
    colour = _scaled(high[..., :3] * 256 + low)
    return np.dstack([colour, high[..., 3:].astype(np.uint8)])


def _on_paper(channels: list[np.ndarray], alpha: np.ndarray) -> list[np.ndarray]:
    """Returns the planes on an opaque ground; cc/image/png.cc does the same in integers."""
    full = int(alpha.max())
    if full == 0:  # nothing would be visible
        return channels
    opaque = alpha * 2.0 > full
    inside = np.pad(opaque, 1, constant_values=True)
    neighbours = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    edge = opaque & ~neighbours
    if not edge.any():
        return channels
    paper = _median(channels[0][edge])
    marks = np.abs(channels[0][opaque].astype(int) - paper) >= _MARK_CONTRAST
    if marks.sum() * 100 >= opaque.sum():
        return [
            np.where(opaque, plane, _median(plane[edge])).astype(np.uint8) for plane in channels
        ]
    weights = alpha.astype(np.int64)
    ground = 255 if (channels[0] * weights).sum() < 128 * weights.sum() else 0
    return [
        ((plane * weights + ground * (full - weights) + full // 2) // full).astype(np.uint8)
        for plane in channels
    ]


def _median(values: np.ndarray) -> int:
    return int(np.sort(values)[values.size // 2])
