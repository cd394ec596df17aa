"""Picture files as gray pixels."""

import os
import warnings

import numpy as np
from PIL import Image, ImageOps

from lenet.errors import UserError

_FORMATS = ("PNG", "JPEG", "BMP")
_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
_LARGEST_SIDE = 1024  # pixels: more tells no more about a digit
_HIGH_DEPTH = ("I", "F")  # modes of 16 bits a pixel, or how Pillow names them


def find(path: str) -> list[str]:
    """`path` itself, or the pictures in it if it is a folder, in the order of their names.

    Raises:
        UserError: it does not exist, or is a folder without pictures.
    """
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise UserError(f"{path}: no such file or folder")
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    pictures = [name for name in names if name.lower().endswith(_ENDINGS)]
    if not pictures:
        raise UserError(f"{path}: no pictures in this folder ({', '.join(_ENDINGS)})")
    return [os.path.join(path, name) for name in pictures]


def read_gray(path: str) -> np.ndarray:
    """The picture at `path`, upright, as uint8 [H, W], no side above 1024 pixels.

    Transparent parts become white under dark ink, and black under light ink.

    Raises:
        UserError: unreadable, not PNG, JPEG or BMP, cut, or absurdly large.
    """
    try:
        size = os.path.getsize(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                image.draft("RGB", (_LARGEST_SIDE, _LARGEST_SIDE))  # JPEG decodes at 1/2, 1/4, 1/8
                return _gray(_upright(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(
            f"{path}: more pixels than any photo of a digit has; make it smaller ({error})"
        ) from error
    except Image.UnidentifiedImageError as error:
        found = f"{size} bytes that are none of these" if size else "an empty file"
        raise UserError(f"{path}: expected a PNG, JPEG or BMP picture, found {found}") from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot read the picture: {reason}") from error


def _upright(image: Image.Image) -> Image.Image:
    """The picture, turned as its EXIF data says."""
    return ImageOps.exif_transpose(image)


def _gray(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(_HIGH_DEPTH):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        image = Image.fromarray((wide >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = _on_paper(image.convert("LA"))
    image = image.convert("L")
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def _on_paper(image: Image.Image) -> Image.Image:
    gray, alpha = (np.asarray(band).astype(np.float64) for band in image.split())
    ink = np.average(gray, weights=alpha) if alpha.any() else 0.0
    paper = 255.0 if ink < 128 else 0.0
    mixed = (gray * alpha + paper * (255.0 - alpha)) / 255.0
    return Image.fromarray(np.rint(mixed).astype(np.uint8))
