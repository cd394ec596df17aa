"""Writes the test images as a folder of files, with a manifest of their labels."""

import io
import pathlib
import sys
import time

import numpy as np
from absl import logging
from PIL import Image
from tqdm import tqdm

from lenet import files, memory
from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.options import flags
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing import output_folder

_SILENT = 2  # seconds without progress, and between two lines if stderr is no terminal
_DVPP_MINIMUM = 32  # pixels: the JPEG decoder of an Ascend 310 rejects smaller images


def run_preprocessing(options: PreprocessOptions) -> None:
    """Writes `test_{index}_{label}.{image_format}` for each test image, and manifest.csv.

    An interrupted run is continued. Equal options give equal bytes.

    Raises:
        UserError: invalid data set, size that jpg does not allow, or output folder in use.
    """
    height, width = options.image_height, options.image_width
    if options.image_format == "jpg":
        for flag, size in (("image_height", height), ("image_width", width)):
            if size < _DVPP_MINIMUM or size % 2:
                raise UserError(
                    f"--{flag}: expected an even number of at least {_DVPP_MINIMUM} for jpg, which "
                    f"an Ascend 310 requires, found {size}; choose another size, or "
                    "--image_format=png"
                )
    split = idx.read_split(options.data_path, "test", classes=256)
    count = min(options.limit or len(split), len(split))
    memory.require("--image_height and --image_width", count * height * width)
    if options.image_format != "jpg":
        flags.report_unused(options, {"quality": f"with --image_format={options.image_format}"})
    rows = [
        (f"test_{index}_{label}.{options.image_format}", int(label))
        for index, label in enumerate(split.labels[:count])
    ]
    settings: output_folder.Settings = {
        "image_format": options.image_format,
        "image_height": height,
        "image_width": width,
        "quality": options.quality,
        "count": count,
        **split.sha256(),
    }
    existing = output_folder.prepare(options.output_path, settings, options.force)
    started = time.monotonic()
    _write_images(options, split.images[:count], [name for name, _ in rows], existing)
    output_folder.complete(options.output_path, rows)
    seconds = time.monotonic() - started
    kept = f", {len(existing)} of them from an interrupted run" if existing else ""
    print(
        f"{count} images as {options.image_format}, {height}x{width}, in {options.output_path} "
        f"({seconds:.1f} s{kept})"
    )
    print(f"next: bazel run //cc:infer310 -- --dataset_path={options.output_path}")


def encode(pixels: np.ndarray, image_format: str, quality: int) -> bytes:
    """Returns the file content of an image in the size of the network's input.

    Args:
        pixels: uint8 [H, W].
        image_format: "jpg" (baseline, gray), "png" (gray) or "bin" (float32 little-endian
            [1, H, W], normalised: the input of the network).
        quality: JPEG quality, 1 to 100.
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


def _write_images(
    options: PreprocessOptions, images: np.ndarray, names: list[str], existing: set[str]
) -> None:
    """Writes the images that do not exist yet."""
    resized = transform.resize(images, options.image_height, options.image_width)
    folder = pathlib.Path(options.output_path)
    bar = tqdm(
        names,
        unit="image",
        disable=not sys.stderr.isatty(),
        leave=False,
        dynamic_ncols=True,
        delay=_SILENT,
    )
    due = time.monotonic() + _SILENT
    for number, name in enumerate(bar, start=1):
        if name not in existing:
            content = encode(resized[number - 1], options.image_format, options.quality)
            files.write_atomically(folder / name, content)
        if bar.disable and time.monotonic() > due:
            logging.info("%d of %d images", number, len(names))
            due += _SILENT
