"""Reads picture files as gray pixels."""

import pathlib
import warnings

import numpy as np
from PIL import Image, ImageOps

from lenet.errors import UserError

_FORMATS = ("PNG", "JPEG", "BMP")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
_MAX_SIDE = 1024  # pixels; enough for a digit
_HIGH_DEPTH = ("I", "F")  # prefixes of Pillow's modes for 16 bits per pixel


def find(path: str) -> list[str]:
    """Returns `path` itself, or the pictures in it, sorted by name, if it is a folder.

    Raises:
        UserError: it does not exist, or is a folder without pictures; the message has no path.
    """
    folder = pathlib.Path(path)
    if not folder.exists():
        raise UserError("no such file or folder")
    if not folder.is_dir():
        return [path]
    try:
        pictures = sorted(p for p in folder.iterdir() if p.name.lower().endswith(_SUFFIXES))
    except OSError as error:
        raise UserError(f"cannot read the folder: {error.strerror}") from error
    if not pictures:
        raise UserError(f"no pictures in this folder ({', '.join(_SUFFIXES)})")
    return [str(picture) for picture in pictures]


def read_gray(path: str) -> np.ndarray:
    """Returns a picture, rotated by its EXIF data, as uint8 [H, W] of at most 1024 pixels per side.

    Transparent parts become white under dark ink, and black under light ink.

    Raises:
        UserError: unreadable, not PNG, JPEG or BMP, truncated, or too many pixels; the message has
            no path.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                image.draft("RGB", (_MAX_SIDE, _MAX_SIDE))  # decodes JPEG at 1/2, 1/4 or 1/8
                return _gray(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UserError(f"too many pixels for a photo; scale it down ({error})") from error
    except Image.UnidentifiedImageError as error:
        size = pathlib.Path(path).stat().st_size
        found = f"{size} bytes of another kind" if size else "an empty file"
        raise UserError(f"expected a PNG, JPEG or BMP picture, found {found}") from error
    except (OSError, SyntaxError, ValueError) as error:  # errors of Pillow's decoders
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the picture: {reason}") from error


def _gray(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(_HIGH_DEPTH):
        wide = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        image = Image.fromarray((wide >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = _on_paper(image.convert("LA"))
    image = image.convert("L")
    image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def _on_paper(image: Image.Image) -> Image.Image:
    """Returns the picture on a background that contrasts with its ink."""
    gray, alpha = (np.asarray(band).astype(np.float64) for band in image.split())
    ink = np.average(gray, weights=alpha) if alpha.any() else 0.0
    paper = 255.0 if ink < 128 else 0.0
    mixed = (gray * alpha + paper * (255.0 - alpha)) / 255.0
    return Image.fromarray(np.rint(mixed).astype(np.uint8))
