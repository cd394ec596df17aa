"""The programs as functions, for notebooks. Their arguments are options (configs/options.yaml).

Errors are those of lenet.errors: UserError for a wrong option or input, DeviceUnavailableError,
DeviceFailedError.
"""

import dataclasses
import pathlib
from typing import Any

from lenet.errors import UserError
from lenet.metrics import Evaluation
from lenet.options import config
from lenet.options.programs import EvalOptions, ExportOptions, PredictOptions, TrainOptions
from lenet.prediction.run import Prediction


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """A finished training.

    Attributes:
        accuracy: correct test images, from 0 to 1.
        checkpoint: path of the newest checkpoint.
        report: path of the page with curves and mistakes.
        metrics: content of metrics.json, such as "epochs" and "loss_curve".
    """

    accuracy: float
    checkpoint: pathlib.Path
    report: pathlib.Path
    metrics: dict[str, Any]


def train(**options: Any) -> TrainResult:
    """Trains LeNet-5 and returns what it reached; `ckpt_path` is the folder of the results."""
    from lenet.report import page
    from lenet.training.run import run_training

    checked = config.checked_options(TrainOptions, options)
    folder = pathlib.Path(checked.ckpt_path)
    metrics = run_training(checked)
    return TrainResult(
        metrics["accuracy"], folder / metrics["checkpoint"], folder / page.PAGE, metrics
    )


def evaluate(**options: Any) -> Evaluation:
    """Evaluates a checkpoint, by default the newest one in ckpt, on the test set."""
    from lenet.evaluation.run import run_evaluation

    return run_evaluation(config.checked_options(EvalOptions, options))


def predict(*paths: str | pathlib.Path, **options: Any) -> list[Prediction]:
    """Returns each digit in pictures and folders of pictures; `certain` is false for a guess.

    Raises:
        UserError: a picture cannot be used; the log has the reason.
    """
    from lenet.prediction.run import predict as predict_pictures

    checked = config.checked_options(PredictOptions, options)
    predictions, failures = predict_pictures(checked, [str(path) for path in paths])
    if failures:
        raise UserError(f"{failures} of {failures + len(predictions)} inputs could not be used")
    return predictions


def export(**options: Any) -> list[pathlib.Path]:
    """Exports a checkpoint and returns the paths of the files, by default as MindIR."""
    from lenet.exporting.run import run_export

    return run_export(config.checked_options(ExportOptions, options))
