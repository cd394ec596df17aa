import numpy as np
import pytest

from lenet import metrics
from lenet.errors import UserError


def _logits(predictions):
    logits = np.full((len(predictions), 10), -1.0, np.float32)
    logits[np.arange(len(predictions)), predictions] = 3
    return logits


def test_counts():
    labels = np.array([0, 0, 0, 1, 2], np.uint8)
    result = metrics.evaluate(_logits([0, 0, 1, 1, 1]), labels)
    assert (result.total, result.correct, result.accuracy) == (5, 3, 0.6)
    assert result.confusion[0, 1] == 1  # label 0, prediction 1
    assert result.confusion[1, 0] == 0
    assert result.confusion[2, 1] == 1
    classes = result.classes()
    assert classes[1]["precision"] == pytest.approx(1 / 3)
    assert classes[0]["recall"] == pytest.approx(2 / 3)
    assert (classes[2]["precision"], classes[2]["recall"], classes[9]["recall"]) == (0, 0, 0)


def test_a_label_that_is_no_class():
    with pytest.raises(UserError, match="labels from 0 to 9, .* found 10"):
        metrics.evaluate(_logits([0, 1]), np.array([3, 10], np.uint8))


@pytest.mark.parametrize(
    ("accuracy", "line"), [(0.98893, "'Accuracy':0.9889"), (1, "'Accuracy':1.0000")]
)
def test_accuracy_line(accuracy, line):
    assert metrics.accuracy_line(accuracy) == line


def test_table_and_report():
    labels = np.arange(10).repeat(2)
    result = metrics.evaluate(_logits([*labels[:-1], 0]), labels)
    lines = result.table().splitlines()
    assert len(lines) == 11
    assert lines[1].split() == ["0", "2", "2", "0.6667", "1.0000"]
    assert lines[10].split() == ["9", "2", "1", "1.0000", "0.5000"]
    report = result.as_dict()
    assert (report["accuracy"], report["correct"], report["total"]) == (0.95, 19, 20)
    assert report["confusion_matrix"][9][0] == 1
    assert report["classes"][9] == {
        "class": 9,
        "images": 2,
        "correct": 1,
        "precision": 1.0,
        "recall": 0.5,
    }
