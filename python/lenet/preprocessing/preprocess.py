"""Writes the test images as a folder of files, with a manifest of their labels."""

import os
import sys
import time

from absl import logging
from tqdm import tqdm

from lenet import files
from lenet.data import idx, transform
from lenet.options.programs import PreprocessOptions
from lenet.preprocessing import encode, folder

_LOG_IMAGES = 2500  # between two lines, where there is no progress bar


def preprocess(options: PreprocessOptions) -> None:
    """Writes `test_{index}_{label}.{image_format}` for each test image, and manifest.csv.

    An interrupted run is continued. Equal options give equal bytes.

    Raises:
        UserError: bad data set, size that jpg cannot have, or output folder that is taken.
    """
    encode.check_size(options.image_format, options.image_height, options.image_width)
    split = idx.read_split(options.data_path, "test")
    count = min(options.limit, len(split)) if options.limit else len(split)
    rows = [
        (f"test_{index}_{label}.{options.image_format}", int(label))
        for index, label in enumerate(split.labels[:count])
    ]
    present = folder.open_for(options.output_path, _settings(options, split, count), options.force)
    started = time.monotonic()
    kept = _write_images(options, split, rows, present)
    folder.close(options.output_path, rows)
    seconds = time.monotonic() - started
    print(
        f"{count} images as {options.image_format}, {options.image_height}x{options.image_width}, "
        f"in {options.output_path} ({seconds:.1f} s"
        + (f", {kept} were there from an interrupted run)" if kept else ")")
    )
    print(f"next: bazel run //cc:infer310 -- --dataset_path={options.output_path}")


def _settings(options: PreprocessOptions, split: idx.Split, count: int) -> folder.Settings:
    return {
        "image_format": options.image_format,
        "image_height": options.image_height,
        "image_width": options.image_width,
        "quality": options.quality,
        "count": count,
        **split.sha256(),
    }


def _write_images(
    options: PreprocessOptions,
    split: idx.Split,
    rows: list[tuple[str, int]],
    present: set[str],
) -> int:
    """Writes the images that are not `present`; returns how many were."""
    kept = 0
    resized = transform.resize(split.images[: len(rows)], options.image_height, options.image_width)
    terminal = sys.stderr.isatty()
    with tqdm(total=len(rows), unit="image", disable=not terminal) as progress:
        for index, (name, _) in enumerate(rows):
            if name in present:
                kept += 1
            else:
                content = encode.encode(resized[index], options.image_format, options.quality)
                files.write_atomically(os.path.join(options.output_path, name), content)
            progress.update()
            if not terminal and (index + 1) % _LOG_IMAGES == 0:
                logging.info("%d of %d images", index + 1, len(rows))
    return kept
