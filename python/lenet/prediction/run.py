"""Classifies the digits in pictures."""

import dataclasses
import json
import warnings

import numpy as np
from absl import logging

from lenet import devices, resources
from lenet.data import transform
from lenet.data.idx import NUM_CLASSES
from lenet.errors import UserError
from lenet.model import checkpoint
from lenet.options import flags
from lenet.options.programs import PredictOptions
from lenet.prediction import digit, picture


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """The digit in a picture.

    Attributes:
        file: path of the picture.
        probabilities: float32 [10], of the digits.
    """

    file: str
    probabilities: np.ndarray

    @property
    def digit(self) -> int:
        """The most probable digit."""
        return int(self.probabilities.argmax())

    @property
    def probability(self) -> float:
        """The probability of the digit."""
        return float(self.probabilities.max())


def run_prediction(options: PredictOptions, paths: list[str]) -> None:
    """Prints digit and probabilities of each picture; see predict().

    Raises:
        UserError: see predict(); also, after all other pictures, an unusable one.
    """
    predictions, failures = predict(options, paths)
    if predictions:
        _print(predictions, options.json)
    if failures:
        raise UserError(
            f"{failures} of {failures + len(predictions)} inputs could not be used, see above"
        )


def predict(options: PredictOptions, paths: list[str]) -> tuple[list[Prediction], int]:
    """Classifies pictures. Unusable ones are reported, skipped and counted.

    Args:
        options: options of the program.
        paths: pictures and folders of pictures, with their subfolders.

    Raises:
        UserError: no paths, or an invalid checkpoint.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    if not paths:
        raise UserError(
            "expected pictures or folders of pictures, found no arguments; for example "
            f"`{resources.command('//python:predict', 'photo.jpg scans/')}`"
        )
    default = flags.default_path(options, "ckpt_file")
    ckpt = checkpoint.newest_or_built(options.ckpt_file, default)
    if options.device_target != "auto":  # reports a missing device before reading all pictures
        devices.resolve(options.device_target, options.device_id, fused_kernels=True)
    images, failures = _read_images(options, paths)
    if not images:
        return [], failures
    size = options.image_height, options.image_width
    device = devices.start(options.device_target, options.device_id, size=size)

    from lenet.model import lenet5

    net = lenet5.LeNet5(image_height=size[0], image_width=size[1])
    checkpoint.load_into(net, ckpt)
    with devices.failures_reported(device):
        logits = lenet5.classify(net, np.stack(list(images.values())), device)
    return list(map(Prediction, images, _softmax(logits))), failures


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


def _print(predictions: list[Prediction], as_json: bool) -> None:
    if not as_json:
        classes = "  ".join(f"{label:5}" for label in range(NUM_CLASSES))
        print(f"digit  probability  {classes}  file")
    for found in predictions:
        if as_json:
            record = {
                "file": found.file,
                "digit": found.digit,
                "probability": found.probability,
                "probabilities": found.probabilities.tolist(),
            }
            print(json.dumps(record))
        else:
            columns = "  ".join(f"{value:.3f}" for value in found.probabilities)
            print(f"{found.digit:5}  {found.probability:11.4f}  {columns}  {found.file}")
