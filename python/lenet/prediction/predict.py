"""Tells the digits in pictures."""

import json

import numpy as np
from absl import logging

from lenet import devices
from lenet.data import transform
from lenet.errors import UserError
from lenet.evaluation.logits import predict_logits
from lenet.model import checkpoint
from lenet.options.programs import PredictOptions
from lenet.prediction import digit, picture


def predict(options: PredictOptions, paths: list[str]) -> None:
    """Prints digit and probabilities for each picture; one that cannot be read is told and skipped.

    Args:
        options: of the program.
        paths: pictures (PNG, JPEG, BMP) and folders of them.

    Raises:
        UserError: no paths, bad checkpoint; or, after all others are done, a bad picture.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    if not paths:
        raise UserError(
            "expected pictures or folders of them, found no arguments; for example "
            "`bazel run //python:predict -- photo.jpg scans/`"
        )
    ckpt = checkpoint.newest(options.ckpt_file)
    target = devices.resolve(options.device_target, options.device_id)
    names, images, failures = _prepare(options, paths)
    if names:
        logits = _logits(options, ckpt, target, np.concatenate(images))
        _print(names, _softmax(logits), options.json)
    if failures:
        raise UserError(
            f"{failures} of {failures + len(names)} inputs could not be used, see above"
        )


def _prepare(options: PredictOptions, paths: list[str]) -> tuple[list[str], list[np.ndarray], int]:
    """Names of the usable pictures, each as uint8 [1, H, W], and how many are not usable."""
    names: list[str] = []
    images: list[np.ndarray] = []
    failures = 0
    for path in paths:
        try:
            found = picture.find(path)
        except UserError as error:
            logging.error("%s", error)
            failures += 1
            continue
        for name in found:
            try:
                images.append(_image(options, name))
                names.append(name)
            except UserError as error:
                logging.error("%s", error)
                failures += 1
    return names, images, failures


def _image(options: PredictOptions, path: str) -> np.ndarray:
    gray = picture.read_gray(path)
    try:
        image = digit.to_mnist(gray, options.invert)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return transform.resize(image[np.newaxis], options.image_height, options.image_width)


def _logits(options: PredictOptions, ckpt: str, target: str, images: np.ndarray) -> np.ndarray:
    devices.prepare_environment()

    from lenet.model.lenet5 import LeNet5

    devices.set_context(target, options.device_id)
    net = LeNet5(image_height=options.image_height, image_width=options.image_width)
    checkpoint.load_into(net, ckpt)
    with devices.failures_reported(target):
        return predict_logits(net, transform.normalize(images)[:, np.newaxis])


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def _print(names: list[str], probabilities: np.ndarray, as_json: bool) -> None:
    if not as_json:
        print("digit  probability  " + "  ".join(f"{label:5}" for label in range(10)) + "  file")
    for name, row in zip(names, probabilities, strict=True):
        found = int(row.argmax())
        if as_json:
            print(
                json.dumps(
                    {
                        "file": name,
                        "digit": found,
                        "probability": float(row[found]),
                        "probabilities": row.tolist(),
                    }
                )
            )
        else:
            columns = "  ".join(f"{value:.3f}" for value in row)
            print(f"{found:5}  {row[found]:11.4f}  {columns}  {name}")
