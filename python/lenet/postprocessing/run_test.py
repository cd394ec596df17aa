import dataclasses
import json
import re

import numpy as np
import pytest
from PIL import Image

from lenet.data import idx
from lenet.errors import UserError
from lenet.options.programs import PostprocessOptions
from lenet.postprocessing.run import run_postprocessing
from lenet.report import charts, page
from lenet.testing import mnist

COUNT = 40
WRONG = 3


@pytest.fixture
def options(tmp_path):
    """Options for results whose first 3 are wrong."""
    data = mnist.write_idx(tmp_path / "data", train=1, test=COUNT)
    labels = idx.read_split(data, "test").labels
    mnist.write_results(tmp_path / "results", labels, WRONG)
    return PostprocessOptions(
        data_path=data,
        result_path=str(tmp_path / "results"),
        dataset_path="",
        output_path=str(tmp_path / "out"),
        report=False,
    )


def test_accuracy(options, tmp_path, capsys):
    run_postprocessing(options)
    assert "Accuracy: {'Accuracy':0.9250}\n" in capsys.readouterr().out
    assert (tmp_path / "out" / "acc.log").read_text() == "'Accuracy':0.9250\n"
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["accuracy"], report["correct"], report["total"]) == (0.925, 37, 40)
    assert sum(item["correct"] for item in report["classes"]) == 37


@pytest.mark.parametrize("kind", ["idx", "png", "bin"])
def test_the_page_shows_the_mistakes(options, tmp_path, monkeypatch, kind):
    shown: list = []

    def draw(path, images, labels, logits):
        shown.extend((images[index], int(labels[index])) for index in sorted(images))

    monkeypatch.setattr(charts, "draw_mistakes", draw)
    monkeypatch.setattr(page, "_picture", lambda *_: "")
    test = idx.read_split(options.data_path, "test")
    if kind != "idx":
        (tmp_path / "set").mkdir()
        for index, (image, label) in enumerate(zip(test.images, test.labels, strict=True)):
            path = tmp_path / "set" / f"test_{index}_{label}.{kind}"
            if kind == "png":
                Image.fromarray(image).save(path)
            else:
                (image / np.float32(255)).astype("<f4").tofile(path)
        options = dataclasses.replace(options, dataset_path=str(tmp_path / "set"))
    run_postprocessing(dataclasses.replace(options, report=True))
    assert (tmp_path / "out" / page.PAGE).exists()
    assert [label for _, label in shown] == test.labels[:WRONG].tolist()
    for (image, _), expected in zip(shown, test.images, strict=False):
        np.testing.assert_allclose(image, expected, atol=8)


def test_missing_results_do_not_stop_the_others(options, tmp_path, capsys):
    missing = min((tmp_path / "results").iterdir())
    missing.unlink()
    with pytest.raises(UserError, match=f"1 of 40 results are missing .*: {missing.stem};"):
        run_postprocessing(options)
    assert re.search(r"Accuracy: \{'Accuracy':0.9(23|48)\d\}", capsys.readouterr().out)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["total"] == 39


def test_report_of_infer310_keeps_its_keys(options, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text('{"engine": "lite", "accuracy": 0.1}')
    run_postprocessing(options)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["engine"], report["accuracy"]) == ("lite", 0.925)


@pytest.mark.parametrize("content", ["[1]", "not JSON", "", 99999 * "["])
def test_report_of_another_kind_is_left_alone(options, tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text(content)
    with pytest.raises(UserError, match=r"report\.json.*move it away"):
        run_postprocessing(options)
    assert (tmp_path / "out" / "report.json").read_text() == content
    assert not (tmp_path / "out" / "acc.log").exists()


def test_folder_that_cannot_be_made(options, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="--output_path: cannot write to"):
        run_postprocessing(options)
