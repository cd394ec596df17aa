"""Accuracy and confusion matrix from logits and labels."""

import dataclasses
from typing import Any

import numpy as np

from lenet.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """Quality of a set of predictions.

    Attributes:
        confusion: int64 [classes, classes], rows are labels, columns are predictions.
    """

    confusion: np.ndarray

    @property
    def total(self) -> int:
        """Number of images."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Number of images whose prediction is the label."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Correct predictions per image."""
        return self.correct / self.total

    def classes(self) -> list[dict[str, int | float]]:
        """Returns images, correct predictions, precision and recall of each class."""
        result = []
        for label in range(len(self.confusion)):
            correct = int(self.confusion[label, label])
            images = int(self.confusion[label].sum())
            predicted = int(self.confusion[:, label].sum())
            result.append(
                {
                    "class": label,
                    "images": images,
                    "correct": correct,
                    "precision": correct / predicted if predicted else 0.0,
                    "recall": correct / images if images else 0.0,
                }
            )
        return result

    def table(self) -> str:
        """Returns a table with one line per class."""
        lines = ["class  images  correct  precision  recall"]
        lines += [
            "{class:5}  {images:6}  {correct:7}  {precision:9.4f}  {recall:6.4f}".format(**row)
            for row in self.classes()
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Returns the entries of report.json."""
        return {
            "accuracy": self.accuracy,
            "correct": self.correct,
            "total": self.total,
            "classes": self.classes(),
            "confusion_matrix": self.confusion.tolist(),
        }


def evaluate(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Compares logits, float [N, classes], with labels, integers [N]; N is at least 1.

    Raises:
        UserError: a label is not a class.
    """
    if labels.max() >= logits.shape[1]:
        raise UserError(
            f"expected labels from 0 to {logits.shape[1] - 1}, one for each class of the model, "
            f"found {labels.max()}; give the data set for which the model was trained"
        )
    confusion = np.zeros((logits.shape[1],) * 2, np.int64)
    np.add.at(confusion, (labels, logits.argmax(axis=1)), 1)
    return Evaluation(confusion)


def accuracy_line(accuracy: float) -> str:
    """Returns the output that scripts search for: "'Accuracy':0.9889"."""
    return f"'Accuracy':{accuracy:.4f}"
