"""Accuracy and confusion matrix from logits and labels; without MindSpore."""

import dataclasses

import numpy as np

from lenet.data.idx import NUM_CLASSES


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a set of predictions is worth.

    Attributes:
        confusion: int64 [10, 10], rows are labels, columns are predictions.
    """

    confusion: np.ndarray

    @property
    def total(self) -> int:
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        return self.correct / self.total

    def precision(self, label: int) -> float:
        """Share of the images taken for `label` that are; 0 if none was."""
        return _share(self.confusion[label, label], self.confusion[:, label].sum())

    def recall(self, label: int) -> float:
        """Share of the images of `label` that were taken for it; 0 if there are none."""
        return _share(self.confusion[label, label], self.confusion[label].sum())

    def table(self) -> str:
        """One line a class: images, correct, precision, recall."""
        lines = ["class  images  correct  precision  recall"]
        for label in range(NUM_CLASSES):
            lines.append(
                f"{label:5}  {self.confusion[label].sum():6}  {self.confusion[label, label]:7}  "
                f"{self.precision(label):9.4f}  {self.recall(label):6.4f}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        """For report.json: accuracy, counts, classes and confusion matrix."""
        return {
            "accuracy": self.accuracy,
            "correct": self.correct,
            "total": self.total,
            "classes": [
                {
                    "class": label,
                    "images": int(self.confusion[label].sum()),
                    "correct": int(self.confusion[label, label]),
                    "precision": self.precision(label),
                    "recall": self.recall(label),
                }
                for label in range(NUM_CLASSES)
            ],
            "confusion_matrix": self.confusion.tolist(),
        }


def evaluation(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Evaluates float [N, 10] logits against uint8 [N] labels; N is at least 1."""
    return Evaluation(confusion_matrix(logits.argmax(axis=1), labels))


def confusion_matrix(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Counts int64 [10, 10] of [label, prediction], for two arrays of whole numbers [N]."""
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def accuracy_line(accuracy: float) -> str:
    """The part of the output that scripts look for: "'Accuracy':0.9889"."""
    return f"'Accuracy':{accuracy:.4f}"


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
