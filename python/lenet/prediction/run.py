"""Classifies the digits in pictures."""

import json
import warnings

import numpy as np
from absl import logging

from lenet import devices, resources
from lenet.data import transform
from lenet.data.idx import NUM_CLASSES
from lenet.errors import UserError
from lenet.model import checkpoint
from lenet.options.programs import PredictOptions
from lenet.prediction import digit, picture


def run_prediction(options: PredictOptions, paths: list[str]) -> None:
    """Prints digit and probabilities of each picture. Unusable pictures are reported and skipped.

    Args:
        options: options of the program.
        paths: pictures and folders of pictures, with their subfolders.

    Raises:
        UserError: no paths, invalid checkpoint; or, after all other pictures, an unusable one.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    if not paths:
        raise UserError(
            "expected pictures or folders of pictures, found no arguments; for example "
            f"`{resources.command('//python:predict', 'photo.jpg scans/')}`"
        )
    ckpt = checkpoint.newest(options.ckpt_file)
    images, failures = _read_images(options, paths)
    if images:
        size = options.image_height, options.image_width
        device = devices.start(options.device_target, options.device_id, size=size)

        from lenet.model import lenet5

        net = lenet5.LeNet5(image_height=size[0], image_width=size[1])
        checkpoint.load_into(net, ckpt)
        with devices.failures_reported(device):
            logits = lenet5.classify(net, np.stack(list(images.values())), device)
        _print(list(images), _softmax(logits), options.json)
    if failures:
        raise UserError(
            f"{failures} of {failures + len(images)} inputs could not be used, see above"
        )


def _read_images(options: PredictOptions, paths: list[str]) -> tuple[dict[str, np.ndarray], int]:
    """Returns the usable pictures by name, uint8 [H, W], and the number of unusable inputs."""
    names: list[str] = []
    images: dict[str, np.ndarray] = {}
    failures = 0
    skipped = 0
    for path in paths:
        try:
            found, others = picture.find(path)
            names += found
            skipped += others
        except UserError as error:
            logging.error("%s: %s", path, error)
            failures += 1
    if skipped:
        logging.warning("files that are not pictures, skipped: %d", skipped)
    odd: dict[str, list[str]] = {}
    for name in names:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", picture.PictureWarning)
                gray = digit.most_contrast(picture.read(name))
            for warning in caught:
                odd.setdefault(str(warning.message), []).append(name)
            image = digit.to_mnist(gray, options.invert)
            size = options.image_height, options.image_width
            images[name] = transform.resize(image[np.newaxis], *size)[0]
        except UserError as error:
            logging.error("%s: %s", name, error)
            failures += 1
    for message, files in odd.items():
        logging.warning("%d pictures, the first is %s: %s", len(files), files[0], message)
    return images, failures


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _print(names: list[str], probabilities: np.ndarray, as_json: bool) -> None:
    if not as_json:
        classes = "  ".join(f"{label:5}" for label in range(NUM_CLASSES))
        print(f"digit  probability  {classes}  file")
    for name, row in zip(names, probabilities, strict=True):
        found = int(row.argmax())
        if as_json:
            record = {
                "file": name,
                "digit": found,
                "probability": float(row[found]),
                "probabilities": row.tolist(),
            }
            print(json.dumps(record))
        else:
            columns = "  ".join(f"{value:.3f}" for value in row)
            print(f"{found:5}  {row[found]:11.4f}  {columns}  {name}")
