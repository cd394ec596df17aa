"""Draws the pictures of a report as PNG files; no display is needed."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lenet import files
from lenet.metrics import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREY = "#1f5fa8", "#c8500a", "#667085"
_COLUMNS = 10
_MAX_MISTAKES = 100


def draw_curves(
    path: pathlib.Path, loss_curve: list[dict[str, Any]], epochs: list[dict[str, Any]]
) -> None:
    """Draws loss, test accuracy and learning rate over the epochs.

    Args:
        path: file to write.
        loss_curve: "epoch", "step" and "loss" of the logged steps, in order.
        epochs: "epoch", "mean_loss", "learning_rate" and optionally "accuracy" of each epoch.
    """
    numbers = [entry["epoch"] for entry in epochs]
    steps = max((entry["step"] for entry in loss_curve), default=1)
    figure = _figure(11, 3.4)
    loss, accuracy, rate = figure.subplots(1, 3)
    loss.plot(
        [entry["epoch"] - 1 + entry["step"] / steps for entry in loss_curve],
        [entry["loss"] for entry in loss_curve],
        color=_GREY,
        alpha=0.45,
        linewidth=1,
        label="single batches",
    )
    loss.plot(
        numbers,
        [entry["mean_loss"] for entry in epochs],
        color=_BLUE,
        marker="o",
        label="mean of the epoch",
    )
    loss.set_yscale("log")
    loss.set_title("training loss")
    loss.legend(frameon=False)
    for key, label, color in (
        ("validation_accuracy", "validation", _GREY),
        ("accuracy", "test", _ORANGE),
    ):
        measured = [entry for entry in epochs if key in entry]
        percent = [100 * entry[key] for entry in measured]
        if percent:
            accuracy.plot(
                [entry["epoch"] for entry in measured],
                percent,
                color=color,
                marker="o",
                clip_on=False,
                label=label,
            )
    accuracy.set_title("accuracy (%)")
    if accuracy.get_lines():
        accuracy.legend(frameon=False, loc="upper left")
    if percent:
        accuracy.annotate(
            f"{percent[-1]:.2f} %",
            (measured[-1]["epoch"], percent[-1]),
            textcoords="offset points",
            xytext=(0, -18),
            ha="right",
            fontsize=12,
            fontweight="bold",
            color=_ORANGE,
        )
    rate.plot(numbers, [entry["learning_rate"] for entry in epochs], color=_BLUE, marker="o")
    rate.set_ylim(bottom=0)
    rate.set_title("learning rate at the end of the epoch")
    for axes in (loss, accuracy, rate):
        axes.set_xlabel("epoch")
        axes.set_xlim(left=0)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def draw_confusion(path: pathlib.Path, result: Evaluation) -> None:
    """Draws the confusion matrix on a logarithmic color scale, which shows the few errors."""
    count = len(result.confusion)
    figure = _figure(7, 6.4)
    axes = figure.subplots()
    intensity = np.log1p(result.confusion)
    axes.imshow(intensity, cmap="Blues")
    for (row, column), images in np.ndenumerate(result.confusion):
        if images:
            color = "white" if intensity[row, column] > intensity.max() / 2 else "black"
            axes.text(
                column,
                row,
                str(images),
                ha="center",
                va="center",
                color=color,
                fontsize=110 / (count + 1),
            )
    axes.set_xticks(range(count))
    axes.set_yticks(range(count))
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")
    axes.set_title(f"{result.correct} of {result.total} correct ({result.accuracy:.2%})")
    _save(figure, path)


def most_confident_mistakes(labels: np.ndarray, logits: np.ndarray) -> list[int]:
    """Returns the indices of the images that draw_mistakes shows, in this order."""
    wrong = np.flatnonzero(logits.argmax(axis=1) != labels)
    order = np.argsort(-_probabilities(logits)[wrong], kind="stable")
    return wrong[order][:_MAX_MISTAKES].tolist()


def draw_mistakes(
    path: pathlib.Path,
    images: np.ndarray | Mapping[int, np.ndarray],
    labels: np.ndarray,
    logits: np.ndarray,
) -> None:
    """Draws the misclassified images, those with the highest wrong probability first.

    Args:
        path: file to write.
        images: uint8 [N, H, W], or the images of most_confident_mistakes by index.
        labels: integers [N].
        logits: float [N, classes].
    """
    probabilities = _probabilities(logits)
    predictions = logits.argmax(axis=1)
    wrong = np.count_nonzero(predictions != labels)
    shown = most_confident_mistakes(labels, logits)
    rows = max(1, -(-len(shown) // _COLUMNS))
    figure = _figure(11, 1.35 * rows + 0.8)
    figure.suptitle(
        f"{wrong} of {len(labels)} images misclassified"
        + (f", the {len(shown)} most confident ones" if len(shown) < wrong else "")
        + ": label → prediction, probability"
    )
    for index, axes in enumerate(figure.subplots(rows, _COLUMNS, squeeze=False).flat):
        axes.axis("off")
        if index < len(shown):
            image = shown[index]
            axes.imshow(images[image], cmap="gray_r", vmin=0, vmax=255)
            axes.set_title(
                f"{labels[image]} → {predictions[image]}   {probabilities[image]:.0%}", fontsize=11
            )
    _save(figure, path)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax probability of the prediction of each image, float [N]."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted.max(axis=1) / shifted.sum(axis=1)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # half a second; pyplot is not needed without a display

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: pathlib.Path) -> None:
    with files.replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
