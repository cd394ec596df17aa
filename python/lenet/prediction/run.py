"""Classifies the digits in pictures.

An uncertain digit is printed with a mark, because the guess may help, but the exit code is 2: the
program did not find out what it was asked.
"""

import dataclasses
import json
import warnings
from collections.abc import Collection, Iterable
from typing import TypeVar

import numpy as np
from absl import logging
from tqdm import tqdm

from lenet import devices, resources
from lenet.data import transform
from lenet.data.idx import NUM_CLASSES
from lenet.errors import UserError
from lenet.model import checkpoint
from lenet.options import flags
from lenet.options.programs import PredictOptions
from lenet.prediction import digit, drawing, picture

_Item = TypeVar("_Item")


# Answers with a smaller probability are uncertain. Measured with the model that the build trains:
# 0.5 % of the right and 44 % of the wrong answers on MNIST's test images. Of other pictures, these
# are uncertain or refused: at least 35 % of letters in 61 fonts (without those that look like
# digits), 57 % of Fashion-MNIST as photos, 42 % of scribbles, 93 % of noise, all blank pages. At an
# equal loss of right answers, largest logit, margin, energy, and the mean over turned copies catch
# 24 to 28 % of the letters without the rules of lenet.prediction.row; the probability 27 %.
MIN_PROBABILITY = 0.8


@dataclasses.dataclass(frozen=True, eq=False)
class Prediction:
    """A digit in a picture.

    Attributes:
        file: path of the picture.
        probabilities: float32 [10], of the digits.
        position: place of the digit in its row, from 1.
        number: all digits of the picture, from left to right.
    """

    file: str
    probabilities: np.ndarray
    position: int
    number: str

    @property
    def digit(self) -> int:
        """The most probable digit."""
        return int(self.probabilities.argmax())

    @property
    def probability(self) -> float:
        """The probability of the digit."""
        return float(self.probabilities.max())

    @property
    def certain(self) -> bool:
        """Whether the probability is at least MIN_PROBABILITY."""
        return self.probability >= MIN_PROBABILITY

    @property
    def text(self) -> str:
        """The digit, followed by a question mark if it is not certain."""
        return f"{self.digit}{'' if self.certain else '?'}"

    @property
    def place(self) -> str:
        """The file and, if it has several digits, which one this is."""
        if len(self.number) == 1:
            return self.file
        return f"{self.file}, digit {self.position} of {self.number}"


def run_prediction(options: PredictOptions, paths: list[str]) -> None:
    """Prints digits and probabilities of each picture; see predict().

    Raises:
        UserError: see predict(); also, after all other pictures, an unusable or uncertain one.
    """
    predictions, failures = predict(options, paths)
    if predictions:
        _print(predictions, options.json)
    unsure = [found for found in predictions if not found.certain]
    for found in unsure:
        logging.error(
            "%s: no digit found with certainty: best guess %d (%.0f %%)",
            found.place,
            found.digit,
            100 * found.probability,
        )
    pictures = len({found.file for found in predictions})
    problems = []
    if failures:
        problems.append(f"{failures} of {failures + pictures} inputs could not be used")
    if unsure:
        problems.append(f"{len(unsure)} of {len(predictions)} digits are not certain")
    if problems:
        raise UserError(f"{', '.join(problems)}, see above")


def predict(options: PredictOptions, paths: list[str]) -> tuple[list[Prediction], int]:
    """Classifies the digits in pictures. Unusable pictures are reported, skipped and counted.

    Args:
        options: options of the program.
        paths: pictures and folders of pictures, with their subfolders.

    Raises:
        UserError: no paths, an invalid checkpoint, or an --output that cannot be used.
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
    targets = drawing.targets(options.output, list(images)) if options.output else {}
    size = options.image_height, options.image_width
    device = devices.start(options.device_target, options.device_id, size=size)

    from lenet.model import lenet5

    net = lenet5.LeNet5(image_height=size[0], image_width=size[1])
    checkpoint.load_into(net, ckpt)
    with devices.failures_reported(device):
        logits = lenet5.classify(net, np.concatenate(list(images.values())), device)
    probabilities = iter(_softmax(logits))
    predictions: list[Prediction] = []
    for name, digits in _progress(images.items()):
        rows = [next(probabilities) for _ in digits]
        number = "".join(str(row.argmax()) for row in rows)
        answers = [Prediction(name, row, position, number) for position, row in enumerate(rows, 1)]
        if targets:
            captions = [f"{found.text}  {100 * found.probability:.1f} %" for found in answers]
            certain = [found.certain for found in answers]
            shown = map(drawing.Answer, digits, captions, certain)
            drawing.draw(targets[name], picture.read(name), list(shown))
        predictions += answers
    return predictions, failures


def _progress(pictures: Collection[_Item]) -> Iterable[_Item]:
    """Shows a progress bar on a terminal if the loop takes more than two seconds."""
    return tqdm(pictures, unit="picture", delay=2, leave=False, disable=None)


def _read_images(options: PredictOptions, paths: list[str]) -> tuple[dict[str, np.ndarray], int]:
    """Returns the digits of the usable pictures, uint8 [digits, H, W], by name.

    The second result is the number of unusable inputs.
    """
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
    for name in _progress(dict.fromkeys(names)):
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("ignore")
                warnings.simplefilter("always", picture.PictureWarning)
                gray = digit.most_contrast(picture.read(name))
            for warning in caught:
                odd.setdefault(str(warning.message), []).append(name)
            digits = digit.row_to_mnist(gray, options.invert)
            size = options.image_height, options.image_width
            resized = [transform.resize(image[np.newaxis], *size) for image in digits]
            images[name] = np.concatenate(resized)
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
                "certain": found.certain,
                "position": found.position,
                "number": found.number,
                "probability": found.probability,
                "probabilities": found.probabilities.tolist(),
            }
            print(json.dumps(record))
        else:
            columns = "  ".join(f"{value:.3f}" for value in found.probabilities)
            print(f"{found.text:>5}  {found.probability:11.4f}  {columns}  {found.place}")
