"""Evaluates a checkpoint on the whole test set."""

import json
import os

import numpy as np
from absl import logging

from lenet import devices, files
from lenet.data import idx, transform
from lenet.errors import UserError
from lenet.evaluation import logits, metrics
from lenet.model import checkpoint
from lenet.options.programs import EvalOptions


def evaluate(options: EvalOptions) -> metrics.Evaluation:
    """Prints the accuracy of a checkpoint and a table of classes; writes the report if asked to.

    Raises:
        UserError: bad data, checkpoint or report folder.
        DeviceUnavailableError, DeviceFailedError: see lenet.devices.
    """
    path = checkpoint.newest(options.ckpt_file or options.ckpt_path)
    test = idx.read_split(options.data_path, "test")
    if options.report:
        _make_folder(options.report)
    target = devices.resolve(options.device_target, options.device_id)
    devices.prepare_environment()

    from lenet.model.build import build

    devices.set_context(target, options.device_id)
    net = build(options.image_height, options.image_width, target, options.fused_kernels)
    checkpoint.load_into(net, path)
    logging.info("evaluating %s on %d images", path, len(test))
    images = transform.prepare(test.images, options.image_height, options.image_width)
    with devices.failures_reported(target):
        predicted = logits.predict_logits(net, images, options.batch_size)
    result = metrics.evaluation(predicted, test.labels)
    print(f"Accuracy: {{{metrics.accuracy_line(result.accuracy)}}}")
    print(f"\n{result.table()}")
    if options.report:
        _write_report(options, path, test, result)
    return result


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(f"--report: cannot make the folder {folder}: {error.strerror}") from error


def _write_report(
    options: EvalOptions, path: str, test: idx.Split, result: metrics.Evaluation
) -> None:
    report = {"checkpoint": path, "data_sha256": test.sha256(), **result.as_dict()}
    report_path = os.path.join(options.report, "report.json")
    files.write_atomically(report_path, json.dumps(report, indent=1) + "\n")
    picture_path = os.path.join(options.report, "confusion_matrix.png")
    with files.replacing(picture_path) as temporary:
        _draw(result, temporary)
    print(f"\nReport: {report_path} and {picture_path}")


def _draw(result: metrics.Evaluation, path: str) -> None:
    """Draws the confusion matrix; wrong predictions stand out by a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 6.4), layout="constrained")
    axes.imshow(np.log1p(result.confusion), cmap="Blues")
    middle = np.log1p(result.confusion).max() / 2
    for (row, column), count in np.ndenumerate(result.confusion):
        colour = "white" if np.log1p(count) > middle else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(idx.NUM_CLASSES))
    axes.set_yticks(range(idx.NUM_CLASSES))
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    axes.set_title(f"{result.correct} of {result.total} correct ({result.accuracy:.2%})")
    figure.savefig(path, dpi=120, format="png", metadata={"Software": None})
    plt.close(figure)
