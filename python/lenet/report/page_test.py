import base64
import csv
import hashlib
import html.parser
import io

import numpy as np
import pytest

from lenet import metrics
from lenet.report import page


class _Page(html.parser.HTMLParser):
    """Collects the attributes and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.attributes = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_data(self, data):
        self.text += data


def _report(logits, labels, **changes):
    epochs = [
        {"epoch": 1, "mean_loss": 0.5, "learning_rate": 0.01, "accuracy": 0.5},
        {"epoch": 2, "mean_loss": 0.2, "learning_rate": 0.0},
    ]
    images = np.arange(len(labels) * 28 * 28, dtype=np.uint8).reshape(-1, 28, 28)
    curve = [{"epoch": 1, "step": 1, "loss": 2.3}, {"epoch": 2, "step": 1, "loss": 0.1}]
    values = {
        "title": "<LeNet> & more",
        "figures": {"device": "CPU"},
        "tables": {"Options": {"data_path": "数据 & <x>"}},
        "epochs": epochs,
        "loss_curve": curve,
    }
    return page.Report(images=images, labels=labels, logits=logits, **values | changes)


@pytest.fixture
def labels():
    return np.arange(20) % 10


def _write(folder, logits, labels, **changes):
    report = _report(logits, labels, **changes)
    return page.write(folder, report, metrics.evaluate(logits, labels))


def test_the_page_needs_no_other_file(tmp_path, labels):
    logits = np.eye(10)[labels] * 5
    logits[3] = np.eye(10)[7] * 5
    found = _Page(_write(tmp_path, logits, labels).read_text("utf-8"))
    for text in ("<LeNet> & more", "95.00%", "1 of 20", "数据 & <x>", "learning rate", "MindSpore"):
        assert text in found.text
    sources = [value for _, name, value in found.attributes if name in ("src", "href")]
    pictures = [base64.b64decode(value.removeprefix("data:image/png;base64,")) for value in sources]
    names = (page.CURVES, page.MISTAKES, page.CONFUSION)
    assert pictures == [(tmp_path / name).read_bytes() for name in names]
    table = list(csv.DictReader(io.StringIO((tmp_path / page.TABLE).read_text())))
    assert [(row["epoch"], row["accuracy"]) for row in table] == [("1", "0.5"), ("2", "")]


def test_the_same_results_give_the_same_pictures(tmp_path, labels):
    logits = np.random.default_rng(3).normal(size=(20, 10))
    hashes = set()
    for _ in range(2):
        _write(tmp_path, logits, labels)
        contents = [(tmp_path / name).read_bytes() for name in page.TRAINING_FILES]
        hashes.add(hashlib.sha256(b"".join(contents)).hexdigest())
    assert len(hashes) == 1


@pytest.mark.parametrize("classes", [10, 27])
def test_an_evaluation_without_mistakes_has_no_curves(tmp_path, labels, classes):
    _write(tmp_path, np.eye(classes)[labels], labels, epochs=[], loss_curve=[])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        page.CONFUSION,
        page.MISTAKES,
        page.PAGE,
    ]
