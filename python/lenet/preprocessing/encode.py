"""One image of the test set as the bytes of a file."""

import io

import numpy as np
from PIL import Image

from lenet.data import transform
from lenet.errors import UserError

_DVPP_MINIMUM = 32  # pixels: the JPEG decoder of an Ascend 310 refuses smaller images


def check_size(image_format: str, height: int, width: int) -> None:
    """Raises UserError for a size that the JPEG decoder of an Ascend 310 cannot take."""
    if image_format != "jpg":
        return
    for flag, size in (("image_height", height), ("image_width", width)):
        if size < _DVPP_MINIMUM or size % 2:
            raise UserError(
                f"--{flag}: expected an even number of at least {_DVPP_MINIMUM} for jpg, found "
                f"{size}; an Ascend 310 decodes no others; choose another size, or "
                "--image_format=png"
            )


def encode(pixels: np.ndarray, image_format: str, quality: int) -> bytes:
    """The file for an image that already has the size of the network's input.

    Args:
        pixels: uint8 [H, W].
        image_format: "jpg" (baseline, gray), "png" (gray) or "bin" (float32 little-endian
            [1, H, W], normalised: what the network reads).
        quality: of jpg, 1 to 100.
    """
    if image_format == "bin":
        return transform.normalize(pixels).astype("<f4").tobytes()
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if image_format == "jpg":
        image.save(buffer, "JPEG", quality=quality, progressive=False)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()
